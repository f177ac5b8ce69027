# SPDX-License-Identifier: Apache-2.0
from django.db import models
from wagtail import blocks
from wagtail.admin.panels import FieldPanel
from wagtail.fields import StreamField
from wagtail.images.blocks import ImageChooserBlock
from wagtail.models import Page
from wagtail.search import index


class HomePage(Page):
    introduction = models.TextField(blank=True)
    hero = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+",
    )
    body = StreamField(
        [
            ("heading", blocks.CharBlock()),
            ("paragraph", blocks.RichTextBlock()),
            ("image", ImageChooserBlock()),
        ],
        blank=True,
    )

    content_panels = [*Page.content_panels, FieldPanel("introduction"), FieldPanel("hero"),
                      FieldPanel("body")]
    search_fields = [*Page.search_fields, index.SearchField("introduction"),
                     index.SearchField("body")]
