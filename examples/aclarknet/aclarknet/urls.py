# SPDX-License-Identifier: Apache-2.0
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

from home.views import search

from .object_ids import with_object_ids

urlpatterns = [
    path("admin/", include(with_object_ids(wagtailadmin_urls))),
    path("documents/", include(with_object_ids(wagtaildocs_urls))),
    path("search/", search, name="search"),
    path("", include(wagtail_urls)),
]
