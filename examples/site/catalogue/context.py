# SPDX-License-Identifier: Apache-2.0
import os

from django.conf import settings


def server(request):
    """For the foot of every page: who answered."""
    return {
        "server_software": request.META.get("SERVER_SOFTWARE", "unknown server"),
        "pid": os.getpid(),
        "dangerous_pages": settings.DANGEROUS_PAGES,
    }
