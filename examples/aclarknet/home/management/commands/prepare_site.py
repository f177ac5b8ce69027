# SPDX-License-Identifier: Apache-2.0
import os

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from wagtail.models import Collection, Locale, Page, Site

from home.models import HomePage


class Command(BaseCommand):
    help = """Makes the migrations for ObjectIds, the collections, what Wagtail's own migrations
    would have put into them, and a superuser from DJANGO_SUPERUSER_USERNAME, _PASSWORD and
    _EMAIL. What is there already is left alone."""

    def handle(self, *args, **options):
        call_command("makemigrations", *settings.MIGRATION_MODULES, interactive=False)
        call_command("migrate", interactive=False)
        if not Page.objects.exists():
            self.first_pages()
        if not get_user_model().objects.filter(
            username=os.environ["DJANGO_SUPERUSER_USERNAME"]
        ).exists():
            call_command("createsuperuser", interactive=False)

    def first_pages(self):
        locale = Locale.objects.create(language_code=settings.LANGUAGE_CODE)
        Collection.add_root(name="Root")
        root = Page.add_root(instance=Page(title="Root", slug="root", locale=locale))
        home = root.add_child(instance=HomePage(title="Welcome", slug="home", locale=locale))
        Site.objects.create(hostname=settings.ALLOWED_HOSTS[0], root_page=home,
                            is_default_site=True, site_name=settings.WAGTAIL_SITE_NAME)
