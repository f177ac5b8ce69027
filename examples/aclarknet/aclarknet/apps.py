# SPDX-License-Identifier: Apache-2.0
"""MongoDB has no numbers that count up: the primary keys of every app are ObjectIds, also
of those whose own configuration says otherwise."""

from django.contrib.admin.apps import AdminConfig
from django.contrib.auth.apps import AuthConfig
from django.contrib.contenttypes.apps import ContentTypesConfig
from ninja.orm import register_field
from taggit.apps import TaggitAppConfig
from wagtail.admin.apps import WagtailAdminAppConfig
from wagtail.apps import WagtailAppConfig
from wagtail.contrib.forms.apps import WagtailFormsAppConfig
from wagtail.contrib.redirects.apps import WagtailRedirectsAppConfig
from wagtail.documents.apps import WagtailDocsAppConfig
from wagtail.embeds.apps import WagtailEmbedsAppConfig
from wagtail.images.apps import WagtailImagesAppConfig
from wagtail.search.apps import WagtailSearchAppConfig
from wagtail.users.apps import WagtailUsersAppConfig

# Wagtail's API describes its models while apps are made ready.
register_field("ObjectIdAutoField", str)


def _with_object_ids(config):
    auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"
    return type(config.__name__, (config,), {
        "__module__": __name__, "default": False, "default_auto_field": auto_field})


Admin = _with_object_ids(AdminConfig)
Auth = _with_object_ids(AuthConfig)
ContentTypes = _with_object_ids(ContentTypesConfig)
Taggit = _with_object_ids(TaggitAppConfig)
Wagtail = _with_object_ids(WagtailAppConfig)
WagtailAdmin = _with_object_ids(WagtailAdminAppConfig)
WagtailDocs = _with_object_ids(WagtailDocsAppConfig)
WagtailEmbeds = _with_object_ids(WagtailEmbedsAppConfig)
WagtailForms = _with_object_ids(WagtailFormsAppConfig)
WagtailImages = _with_object_ids(WagtailImagesAppConfig)
WagtailRedirects = _with_object_ids(WagtailRedirectsAppConfig)
WagtailSearch = _with_object_ids(WagtailSearchAppConfig)
WagtailUsers = _with_object_ids(WagtailUsersAppConfig)
