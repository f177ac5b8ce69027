# SPDX-License-Identifier: Apache-2.0
"""Templates of the application belong to its code: old workers have them in memory, whatever a
deploy has put on the disk, and new ones that are broken are refused.
"""

import os
import shutil

from support import django_site
from support.versions import reload
from test_late_imports import DEFAULT, kill_all

SETTINGS = """
import os
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates",
              "DIRS": [os.path.join(os.path.dirname(__file__), "templates")]}]
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "/static/"
STATIC_ROOT = os.path.join(os.path.dirname(__file__), "files")
STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
"""
VIEWS = """
from django.shortcuts import render
from django.templatetags.static import static
def page(request):
    return render(request, "page.html", {"file": static("a.css")})
"""
URLS = "urlpatterns[1] = path('', views.page)"
BASE = "{%% block main %%}{%% endblock %%} %s"
MANIFEST = '{"version": "1.0", "paths": {"a.css": "a.%s.css"}}'


def write(server, version, page):
    django_site.write(server, version, settings=SETTINGS, views=VIEWS, urls=URLS)
    for directory in ("templates", "files"):
        os.makedirs(server.path(f"monodon_site/{directory}"), exist_ok=True)
    server.write("monodon_site/templates/page.html", page)
    server.write("monodon_site/templates/base.html", BASE % version)
    server.write("monodon_site/files/staticfiles.json", MANIFEST % version)


def page_of(server):
    answer = server.get("/")
    return answer.status, answer.body.decode()


PAGE = '{% extends "base.html" %}{% block main %}{{ file }}{% endblock %}'


def test_a_template_that_is_broken_by_a_deploy_refuses_it_and_old_code_has_its_own():
    server = django_site.site(config=DEFAULT, expect=["refused|serves on|SIGKILL|died"])
    write(server, 1, PAGE)
    with server:
        server.await_workers(2)
        write(server, 2, "{% if %}")  # nobody has asked for it yet
        status, _, err = reload(server)
        assert status == 1 and "TemplateSyntaxError" in err.splitlines()[-1], err
        kill_all(server)
        assert [page_of(server) for _ in range(6)] == [(200, "/static/a.1.css 1")] * 6
        write(server, 3, PAGE)
        assert reload(server)[0] == 0
        assert page_of(server) == (200, "/static/a.3.css 3")


def test_what_is_no_template_among_them_does_no_harm():
    server = django_site.site(config={"boot_timeout": 20}, expect=["SIGKILL|died"])
    write(server, 1, PAGE)
    templates = server.path("monodon_site/templates")
    os.mkfifo(os.path.join(templates, "a_fifo"))
    os.symlink("nothing", os.path.join(templates, "a_link"))
    os.symlink("/", os.path.join(templates, "all"))
    server.write("monodon_site/templates/a_broken.html", "{% if %}")
    with server:
        server.await_workers(2)
        shutil.rmtree(templates)
        kill_all(server)
        assert page_of(server) == (200, "/static/a.1.css 1")


def test_a_template_that_is_removed_by_a_deploy_is_in_the_memory_of_old_code():
    server = django_site.site(expect=["SIGKILL|died"])
    write(server, 1, PAGE)
    with server:
        server.await_workers(2)
        shutil.rmtree(server.path("monodon_site/templates"))
        kill_all(server)
        assert page_of(server) == (200, "/static/a.1.css 1")


def test_where_each_imports_by_itself_a_template_is_read_from_the_disk():
    server = django_site.site(config={"preload": False}, expect=["."])
    write(server, 1, PAGE)
    with server:
        server.await_workers(2)
        server.write("monodon_site/templates/page.html", "{% if %}")
        assert reload(server)[0] == 0
        assert page_of(server)[0] == 500


def test_with_debug_templates_come_from_the_disk_as_ever():
    server = django_site.site()
    write(server, 1, PAGE)
    server.write("monodon_site/settings.py",
                 open(server.path("monodon_site/settings.py")).read() + "\nDEBUG = True\n"
                 "STATICFILES_STORAGE = 'django.contrib.staticfiles.storage.StaticFilesStorage'\n")
    with server:
        server.await_workers(2)
        server.write("monodon_site/templates/base.html", BASE % "new")
        assert page_of(server) == (200, "/static/a.css new")
