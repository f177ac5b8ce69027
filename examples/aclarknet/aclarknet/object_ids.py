# SPDX-License-Identifier: Apache-2.0
"""What Wagtail's admin needs to be told about ObjectIds; it expects numbers."""

import json

from bson import ObjectId
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import URLResolver, register_converter
from django.urls.resolvers import RegexPattern, RoutePattern
from telepath import StringAdapter, StringNode
from wagtail.admin.telepath import registry
from wagtail.blocks import ChooserBlock


class ObjectIdConverter:
    regex = "[0-9a-f]{24}"

    def to_python(self, value):
        return ObjectId(value)

    def to_url(self, value):
        return str(value)


register_converter(ObjectIdConverter, "object_id")


def with_object_ids(urlconf):
    """The same URLs, with ObjectIds in the place of numbers, which all are primary keys."""
    _convert(urlconf.urlpatterns)
    return urlconf


def _convert(patterns):
    for one in patterns:
        old = one.pattern
        kind, number, object_id = (
            (RoutePattern, "<int:", "<object_id:") if isinstance(old, RoutePattern)
            else (RegexPattern, r"\d+", ObjectIdConverter.regex))
        if number in str(old):
            text = str(old).replace(number, object_id)
            one.pattern = kind(text, old.name, old._is_endpoint)
        if isinstance(one, URLResolver):
            _convert(one.url_patterns)


class _Adapter(StringAdapter):
    def build_node(self, obj, context):
        return StringNode(str(obj))


def _as_text(encoder):
    before = encoder.default
    encoder.default = lambda self, value: (
        str(value) if isinstance(value, ObjectId) else before(self, value))


def _from_text(block):
    before = block.bulk_to_python
    block.bulk_to_python = lambda self, keys: before(
        self, [key if key is None else ObjectId(key) for key in keys])


def teach():
    """Once, when the apps are ready: how ObjectIds are written where Wagtail writes numbers,
    and read again from the JSON of a StreamField."""
    registry.register(_Adapter(), ObjectId)
    _as_text(json.JSONEncoder)
    _as_text(DjangoJSONEncoder)
    _from_text(ChooserBlock)
    # The forms for several uploads are told apart by "%d".
    ObjectId.__int__ = lambda self: int(str(self), 16)
