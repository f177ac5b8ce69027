# SPDX-License-Identifier: Apache-2.0
"""Settings of the site for production: what differs between machines comes from the
environment, which the service reads from .env beside manage.py."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")
DEBUG = False

# nginx ends TLS and says so.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [
    "home",
    "aclarknet.apps.WagtailForms",
    "aclarknet.apps.WagtailRedirects",
    "aclarknet.apps.WagtailEmbeds",
    "wagtail.sites",
    "aclarknet.apps.WagtailUsers",
    "wagtail.snippets",
    "aclarknet.apps.WagtailDocs",
    "aclarknet.apps.WagtailImages",
    "aclarknet.apps.WagtailSearch",
    "aclarknet.apps.WagtailAdmin",
    "aclarknet.apps.Wagtail",
    "modelcluster",
    "aclarknet.apps.Taggit",
    "aclarknet.apps.Admin",
    "aclarknet.apps.Auth",
    "aclarknet.apps.ContentTypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
]
ROOT_URLCONF = "aclarknet.urls"
WSGI_APPLICATION = "aclarknet.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django_mongodb_backend",
        "NAME": "aclarknet",
        "HOST": os.environ.get("MONGODB_URI", "mongodb://127.0.0.1:27017"),
    },
}
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
# The migrations that apps come with are for numbers as keys. Here are those for ObjectIds,
# as `manage.py makemigrations` writes them.
MIGRATION_MODULES = {
    label: f"migrations.{label}"
    for label in (
        "admin", "auth", "contenttypes", "taggit", "wagtailadmin", "wagtailcore", "wagtaildocs",
        "wagtailembeds", "wagtailforms", "wagtailimages", "wagtailredirects", "wagtailsearch",
        "wagtailusers", "home",
    )
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / "media"
# nginx reads them.
FILE_UPLOAD_PERMISSIONS = 0o644

WAGTAIL_SITE_NAME = "aclarknet"
WAGTAILADMIN_BASE_URL = os.environ.get("WAGTAIL_BASE_URL", "https://aclark.net")
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
# More than Django's 1000 are usual in the editor of a page.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
