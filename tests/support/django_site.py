# SPDX-License-Identifier: Apache-2.0
"""A small Django site (Debian's Django) in the scratch directory of a server. Its one view
answers what tests/support/traffic.py asks, and is imported by urls.py, as in any site:
wsgi.py alone never reads it.

    with django_site.site() as server, Traffic(server.address) as traffic:
        django_site.write(server, 2, views="def broken(:")
"""

import os

from .server import Server

PACKAGE = "monodon_site"

SETTINGS = """
SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "monodon_site.urls"
MIDDLEWARE = []
INSTALLED_APPS = []
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates"}}]
LOGGING_CONFIG = None
{more}
"""
WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monodon_site.settings")
from django.core.wsgi import get_wsgi_application
{more}
application = get_wsgi_application()
"""
URLS = """
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from monodon_site import views
urlpatterns = [path("traffic", csrf_exempt(views.traffic)), path("", views.traffic),
               path("late", views.late)]
{more}
"""
VIEWS = """
import importlib
from django.http import HttpResponse
from traffic_site import application_of

def traffic(request):
    answer = b"".join(application_of({version})(request.environ, lambda *_: None))
    response = HttpResponse(answer, content_type="text/plain")
    response["Content-Length"] = len(answer)
    return response

def late(request):
    return HttpResponse(importlib.import_module("monodon_site.late").TEXT)
{more}
"""
FILES = {"settings": SETTINGS, "wsgi": WSGI, "urls": URLS, "views": VIEWS,
         "late": "TEXT = 'late {version}'\n{more}\n"}


def site(**options):
    server = Server("monodon_site.wsgi:application", **options)
    write(server, 1)
    return server


def write(server, version, **more):
    """The whole site as of `version`; more lines for its modules by name."""
    os.makedirs(server.path(PACKAGE), exist_ok=True)
    add(server, "__init__", "")
    for name, text in FILES.items():
        add(server, name, text.format(version=version, more=more.get(name, "")))


def add(server, name, text):
    """One more module of it."""
    server.write(f"{PACKAGE}/{name}.py", text)
