# SPDX-License-Identifier: Apache-2.0
"""What is particular to Django: importing wsgi.py leaves most of a site unread, since
the URLconf, and with it every view, is imported by the first request. Zygote (or worker,
without preload), after the application.
"""

import logging
import sys

import _monodon
from _monodon_failure import explain, format_exception

_STATUSES_WITH_HANDLERS = (400, 403, 404, 500)


def in_use():
    """Whether it serves, or at least could: an ORM alone has no URLs."""
    conf = sys.modules.get("django.conf")
    return (
        conf is not None
        and "django.core.handlers.base" in sys.modules
        and conf.settings.configured
    )


def with_static_files(application):
    """As runserver does it: with DEBUG, files of `static` in the applications."""
    if not in_use():
        return application
    from django.conf import settings

    if not settings.DEBUG or "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return application
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    return StaticFilesHandler(application)


def import_late(is_own):
    """(broken, told): texts with tracebacks. is_own(file): of the application itself."""
    broken, told = [], []
    if not in_use():
        return broken, told
    try:
        import_urls()
    except BaseException as error:
        broken.append(f"Django's URLconf cannot be imported: {explain(error)}")
        return broken, told  # the rest would fail of the same
    try:
        import_templates()
    except BaseException as error:
        # A site that renders no templates can live with a library that is missing.
        own = _has_a_part(is_own, error) or _names_no_engine()
        judged = broken if own else told
        judged.append(f"Django's templates cannot be used: {explain(error)}")
    return broken, told


def _has_a_part(is_own, error):
    """Whether code of the application had a part in it, not only what is installed."""
    while error is not None:
        if is_own(getattr(error, "filename", None)):  # a SyntaxError
            return True
        trace = error.__traceback__
        while trace is not None:
            if is_own(trace.tb_frame.f_code.co_filename):
                return True
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    return False


def _names_no_engine():
    """Whether the settings name a template engine that is not there: no page is rendered
    then, and no library of the environment is to blame."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    try:
        for engine in settings.TEMPLATES:
            import_string(engine["BACKEND"])
    except Exception:
        return True
    return False


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


def log_exceptions():
    """A line of the error log for each exception that Django answers with 500."""
    from django.core.signals import got_request_exception

    got_request_exception.connect(_log_exception, weak=False, dispatch_uid="monodon")


def _log_exception(sender, request=None, **_):  # noqa: ARG001 (signals pass by name)
    error = sys.exc_info()[1]
    meta = getattr(request, "META", {})
    said = "".join(format_exception(error))
    _monodon.log(logging.ERROR, (
        f"{meta.get('REQUEST_METHOD', '?')} {getattr(request, 'path', '?')} "
        f"(request {meta.get('REQUEST_ID', '?')}): Django answers 500: "
        f"{type(error).__name__}: {error}\n{said}"))
