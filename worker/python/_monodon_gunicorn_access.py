# SPDX-License-Identifier: Apache-2.0
"""The line of a request through the logger "gunicorn.access", as Gunicorn logs it: where
filters, handlers or a logger_class of the site have a say in it. Otherwise the server
writes its line without Python. Worker, any application thread.
"""

import base64
import binascii
import datetime
import logging
import os
import time
import types

import _monodon
import _monodon_gunicorn_log as loggers
from _monodon_runtime import beside

_USUAL = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


class _Atoms(dict):
    """What no atom has is "-"; quotes are escaped."""

    def __init__(self, atoms):
        super().__init__({name: value.replace('"', '\\"') if isinstance(value, str) else value
                          for name, value in atoms.items()})

    def __missing__(self, name):
        return self[name.lower()] if name.startswith("{") and name.lower() in self else "-"


def _user(environ):
    kind, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(text.strip().encode()).split(b":", 1)[0].decode() or None
    except (binascii.Error, UnicodeError, ValueError):
        return None


def _atoms(resp, req, environ, took):
    atoms = {
        "h": environ.get("REMOTE_ADDR") or "-", "l": "-", "u": _user(environ) or "-",
        "t": time.strftime("[%d/%b/%Y:%H:%M:%S %z]"),
        "r": f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ['SERVER_PROTOCOL']}",
        "s": resp.status.split(None, 1)[0], "m": environ["REQUEST_METHOD"],
        "U": environ.get("PATH_INFO"), "q": environ.get("QUERY_STRING"),
        "H": environ["SERVER_PROTOCOL"], "b": str(resp.sent), "B": resp.sent,
        "f": environ.get("HTTP_REFERER", "-"), "a": environ.get("HTTP_USER_AGENT", "-"),
        "T": took.seconds, "D": took.seconds * 1000000 + took.microseconds,
        "M": took.seconds * 1000 + took.microseconds // 1000,
        "L": f"{took.seconds}.{took.microseconds:06}", "p": f"<{os.getpid()}>",
    }
    atoms.update({f"{{{name.lower()}}}i": value for name, value in req.headers})
    atoms.update({f"{{{name.lower()}}}o": value for name, value in resp.headers})
    atoms.update({f"{{{name.lower()}}}e": value for name, value in environ.items()})
    return atoms


class Access:
    """log: what hooks get as server.log. by_class: it makes the lines."""

    def __init__(self, log, by_class):
        self._log = log
        self._by_class = by_class
        self._logger = logging.getLogger(loggers.ACCESS)
        form = loggers.installed["format"]
        self._format = _USUAL if form in ("", "json", "terminal") else form

    def begin(self):
        _monodon.access_line(False)
        return datetime.datetime.now()

    def __call__(self, resp, req, environ, began):
        took = datetime.datetime.now() - began
        loggers.request.own_text = self._by_class
        try:
            if self._by_class:
                self._log.access(resp, req, environ, took)
            elif self._logger.isEnabledFor(logging.INFO):
                self._logger.info(self._format, _Atoms(_atoms(resp, req, environ, took)))
        except Exception:
            self._log.exception("the line of a request could not be logged")
        finally:
            del loggers.request.own_text


def dress(application):
    """Without a configuration of Gunicorn's: the application has changed the logger."""
    beside("_monodon_gunicorn_standin")
    log = logging.getLogger("gunicorn.error")
    worker = types.SimpleNamespace(nr=0, cfg=None, pid=os.getpid())
    return beside("_monodon_gunicorn_requests").wrap(
        application, None, None, lambda: worker, log, Access(log, False))
