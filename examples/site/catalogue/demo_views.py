# SPDX-License-Identifier: Apache-2.0
"""Pages that misbehave on request, to see how the server takes it."""

import ctypes
import functools
import os
import sys
import threading
import time

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

LONGEST = 600.0


def dangerous(view):
    """Not found, unless the operator of the site allows such pages."""

    @functools.wraps(view)
    def guarded(request, *args, **kwargs):
        if not settings.DANGEROUS_PAGES:
            raise Http404("the dangerous pages are off (SITE_DANGEROUS_PAGES)")
        return view(request, *args, **kwargs)

    return guarded


def seconds_of(request, default):
    try:
        value = float(request.GET.get("seconds", default))
    except ValueError:
        raise Http404("seconds is not a number")
    # "nan" compares as false to everything, so it falls out here as well.
    if not 0 <= value <= LONGEST:
        raise Http404(f"seconds must lie between 0 and {LONGEST:.0f}")
    return value


def stream(request):
    """A body of unknown length that comes in pieces: ?lines=10&seconds=2."""
    try:
        lines = min(int(request.GET.get("lines", 20)), 100_000)
    except ValueError:
        raise Http404("lines is not a number")
    pause = seconds_of(request, 2) / max(lines, 1)

    def produce():
        for number in range(1, lines + 1):
            yield f"{number} of {lines}\n"
            if pause:
                time.sleep(pause)

    return StreamingHttpResponse(produce(), content_type="text/plain; charset=utf-8")


def slow(request):
    """Waits, as for a database: ?seconds=3. The worker is busy and costs nothing."""
    seconds = seconds_of(request, 3)
    time.sleep(seconds)
    return HttpResponse(f"waited {seconds:g} s in process {os.getpid()}\n", "text/plain")


@dangerous
def burn(request):
    """Computes: ?seconds=1. Holds the GIL, so other threads of the worker suffer."""
    seconds = seconds_of(request, 1)
    end = time.thread_time() + seconds
    rounds = 0
    while time.thread_time() < end:
        sum(range(1000))
        rounds += 1
    return HttpResponse(f"burnt {seconds:g} s of CPU in {rounds} rounds\n", "text/plain")


def leave():
    sys.exit(3)


def read_address_zero():
    ctypes.string_at(0)


DEATHS = {
    "abort": os.abort,
    "segv": read_address_zero,
    "exit": functools.partial(os._exit, 3),
    "sys-exit": leave,
}


@dangerous
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def crash(request):
    """GET explains; POST with how=abort|segv|exit|sys-exit does it.

    Without CSRF protection, so that a plain `curl -d how=segv` can ask for it.
    """
    if request.method == "POST":
        if request.POST.get("how") not in DEATHS:
            raise Http404("how must be one of " + ", ".join(DEATHS))
        DEATHS[request.POST["how"]]()
    return render(request, "catalogue/crash.html", {"deaths": DEATHS})


def facts(request):
    """What the server told the application about itself and about this request."""
    meta = request.META
    names = [
        "SERVER_SOFTWARE", "REQUEST_ID", "REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME",
        "SERVER_PORT", "SERVER_PROTOCOL", "REQUEST_METHOD", "REQUEST_URI", "RAW_URI",
        "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_PROTO", "wsgi.url_scheme", "wsgi.multithread",
        "wsgi.multiprocess",
    ]
    told = {name: meta[name] for name in names if name in meta}
    told["wsgi.file_wrapper"] = "wsgi.file_wrapper" in meta
    process = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "thread": threading.current_thread().name,
        "python": sys.version.split()[0],
        "interpreter": sys.executable,
    }
    return {"environ": told, "process": process}


def server(request):
    return render(request, "catalogue/server.html", facts(request))


def server_json(request):
    return JsonResponse(facts(request))


def health(request):
    """For health_check: and warm_up:. Touches no database."""
    return HttpResponse("ok\n", "text/plain")
