# SPDX-License-Identifier: Apache-2.0
"""A Django site of one view: four middlewares, a template with a loop of ten."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template import engines
from django.urls import path
from django.http import HttpResponse

TEMPLATE = """<!DOCTYPE html><html><head><title>{{ title }}</title></head><body>
<h1>{{ title|upper }}</h1><ul>
{% for whale in whales %}<li class="{% cycle 'odd' 'even' %}">{{ forloop.counter }}.
{{ whale.name }}, {{ whale.length }} m</li>
{% endfor %}</ul></body></html>
"""
WHALES = [{"name": f"Narwhal no. {i}", "length": 4 + i / 4} for i in range(10)]

settings.configure(
    SECRET_KEY="only for measuring", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware",
                "django.middleware.clickjacking.XFrameOptionsMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
django.setup()
template = engines["django"].from_string(TEMPLATE)


def index(request):
    return HttpResponse(template.render({"title": "Whales", "whales": WHALES}, request))


urlpatterns = [path("", index)]
application = get_wsgi_application()
