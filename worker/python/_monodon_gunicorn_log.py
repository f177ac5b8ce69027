# SPDX-License-Identifier: Apache-2.0
"""Gunicorn's loggers, which applications use: "gunicorn.error" and "gunicorn.access", with
handlers and level before the application is imported. What is logged through the first is
a line of the server's error log, through the second one of its access log. Zygote, before
the import.
"""

import logging
import sys

import _monodon


class ErrorLog(logging.Handler):
    """The server's error log, which has its own idea of what it shows and how."""

    def emit(self, record):
        try:
            _monodon.log(record.levelno, self.format(record))
        except Exception:  # a format that does not fit its arguments
            self.handleError(record)


class _Standard(logging.StreamHandler):
    """sys.stdout as it is by then: it is replaced after this."""

    def __init__(self):
        logging.Handler.__init__(self)

    @property
    def stream(self):
        return sys.stdout


def _access_log(path):
    if path == "-":
        return _Standard()
    from logging.handlers import WatchedFileHandler
    return WatchedFileHandler(path, delay=True)


def install(level, access_log):
    """level: of the error log. access_log: as the setting has it, "" for none."""
    for name, severity, handlers in (
        ("gunicorn.error", level.upper(), [ErrorLog()]),
        ("gunicorn.access", "INFO", [_access_log(access_log)] if access_log else []),
    ):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(severity)
        logger.handlers[:] = handlers
