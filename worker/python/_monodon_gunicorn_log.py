# SPDX-License-Identifier: Apache-2.0
"""Gunicorn's loggers, which applications use: "gunicorn.error" and "gunicorn.access", with
handlers and level before the application is imported. What is logged through the first is
a line of the server's error log, through the second one of its access log. Zygote, before
the import.
"""

import logging
import sys
import threading

import _monodon

ACCESS = "gunicorn.access"
installed = {"handlers": [], "format": "", "enabled": False}  # of the access log, by install()
request = threading.local()  # own_text: set while the line of a request is logged
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


class ErrorLog(logging.Handler):
    """The server's error log, which has its own idea of what it shows and how."""

    def emit(self, record):
        if getattr(record, "has_own_line", False):
            return
        try:
            # Those of the application are not the server's, to statsd.
            _monodon.log(record.levelno, self.format(record),
                         getattr(record, "of_server", False))
        except Exception:  # a format that does not fit its arguments
            self.handleError(record)


class _OfRequests(logging.Handler):
    """The line of a request is written by the server, as it would be without Python, or in
    the words that somebody has given it here."""

    def emit(self, record):
        own_text = getattr(request, "own_text", None)
        if own_text is None:
            return super().emit(record)
        try:
            own = own_text or self.formatter
            _monodon.access_line(self.format(record).translate(_CONTROLS) if own else None)
        except Exception:
            self.handleError(record)
        return None


class _Standard(_OfRequests, logging.StreamHandler):
    """sys.stdout as it is by then: it is replaced after this."""

    def __init__(self):
        logging.Handler.__init__(self)

    @property
    def stream(self):
        return sys.stdout


class _Nowhere(_OfRequests):
    """The access log is syslog's alone, which takes lines of requests only."""

    def emit(self, record):
        if hasattr(request, "own_text"):
            super().emit(record)


def _access_log(path):
    if path == "-":
        return _Standard()
    from logging.handlers import WatchedFileHandler

    class File(_OfRequests, WatchedFileHandler):
        pass
    return File(path, delay=True)


def install(level, access_log, access_format, syslog):
    """level: of the error log. access_log: as the setting has it, "" for none. syslog:
    "" where it takes no lines of requests."""
    access = [_access_log(access_log)] if access_log else [_Nowhere()] if syslog else []
    installed.update(handlers=access, format=access_format, enabled=bool(access))
    for name, severity, handlers in (
        ("gunicorn.error", level.upper(), [ErrorLog()]), (ACCESS, "INFO", access),
    ):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(severity)
        logger.handlers[:] = handlers


def tell_failure(exception, path, explain):
    """An exception that no code of the application has caught, in Gunicorn's words, to the
    handlers that the site has given the logger (mail, Sentry, a file of JSON). The server
    writes its own line."""
    logger = logging.getLogger("gunicorn.error")
    if not logger.isEnabledFor(logging.ERROR):
        return
    record = logger.makeRecord(
        logger.name, logging.ERROR, __file__, 0, "Error handling request %s", (path,),
        (type(exception), exception, exception.__traceback__), "tell_failure")
    record.has_own_line = True
    try:
        logger.handle(record)
    except Exception as error:
        _monodon.log(logging.WARNING, "a handler of gunicorn.error raised\n" + explain(error))


def is_changed():
    """Whether there are lines of requests, and somebody has given their logger other
    handlers, filters, a level. One that is merely disabled (dictConfig disables what it
    does not name) is not changed."""
    logger = logging.getLogger(ACCESS)
    return installed["enabled"] and bool(
        logger.handlers != installed["handlers"] or logger.filters or logger.propagate
        or logger.getEffectiveLevel() > logging.INFO
        or any(one.filters or one.formatter or one.level > logging.INFO
               for one in logger.handlers))
