# SPDX-License-Identifier: Apache-2.0
"""What is particular to Django: importing wsgi.py leaves most of a site unread, since
the URLconf, and with it every view, is imported by the first request. Zygote (or worker,
without preload), after the application.
"""

import sys

_STATUSES_WITH_HANDLERS = (400, 403, 404, 500)


def in_use():
    """Whether it serves, or at least could: an ORM alone has no URLs."""
    conf = sys.modules.get("django.conf")
    return (
        conf is not None
        and "django.core.handlers.base" in sys.modules
        and conf.settings.configured
    )


def import_urls():
    """The URLconf with all that it includes, and the error handlers. Raises what the
    first request would raise."""
    from django.conf import settings
    from django.urls import get_resolver

    if not getattr(settings, "ROOT_URLCONF", None):
        return  # a middleware sets it for each request
    resolver = get_resolver()
    _walk(resolver)
    for status in _STATUSES_WITH_HANDLERS:
        resolver.resolve_error_handler(status)


def _walk(resolver):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            _walk(pattern)


def import_templates():
    """The template engines, with every library of template tags. Raises what the first
    page would raise."""
    from django.template import engines

    engines.all()
