# SPDX-License-Identifier: Apache-2.0
"""The callable that the server runs: demo.wsgi:application.

SITE_VALIDATE=1 puts wsgiref's validator around it: every breach of PEP 3333, on
either side, becomes an AssertionError in the error log and a 500.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.settings")
application = get_wsgi_application()

if os.environ.get("SITE_VALIDATE") == "1":
    from wsgiref.validate import validator

    application = validator(application)
