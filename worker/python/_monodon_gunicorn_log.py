# SPDX-License-Identifier: Apache-2.0
"""Gunicorn's loggers, which applications use: "gunicorn.error" and "gunicorn.access", with
handlers and level before the application is imported. What is logged through the first is
a line of the server's error log, through the second one of its access log.

With a gunicorn.conf.py also what configures the logging of the application there:
logconfig, logconfig_json, logconfig_dict, logger_class. Zygote, before the import.
"""

import json
import logging
import os
import sys

import _monodon

# What Gunicorn starts from; a logconfig_dict replaces keys of it as a whole.
_GENERIC = {
    "format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s",
    "datefmt": "[%Y-%m-%d %H:%M:%S %z]",
    "class": "logging.Formatter",
}


def _defaults():
    def logger(name, handler):
        return {"level": "INFO", "handlers": [handler], "propagate": True, "qualname": name}

    def handler(stream):
        return {"class": "logging.StreamHandler", "formatter": "generic",
                "stream": f"ext://sys.{stream}"}

    return {
        "version": 1,
        "disable_existing_loggers": False,
        "root": {"level": "INFO", "handlers": ["console"]},
        "loggers": {
            "gunicorn.error": logger("gunicorn.error", "error_console"),
            "gunicorn.access": logger("gunicorn.access", "console"),
        },
        "handlers": {"console": handler("stdout"), "error_console": handler("stderr")},
        "formatters": {"generic": dict(_GENERIC)},
    }


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


def configure(cfg):
    """Gunicorn's order: the first of these that is set."""
    if not (cfg.logconfig_dict or cfg.logconfig_json or cfg.logconfig):
        return
    import logging.config  # dear, and most need it not
    if cfg.logconfig_dict:
        logging.config.dictConfig(_defaults() | cfg.logconfig_dict)
    elif cfg.logconfig_json:
        with open(cfg.logconfig_json, encoding="utf-8") as file:
            logging.config.dictConfig(_defaults() | json.load(file))
    elif cfg.logconfig:
        known = {"__file__": cfg.logconfig, "here": os.path.dirname(cfg.logconfig)}
        logging.config.fileConfig(
            cfg.logconfig, defaults=known, disable_existing_loggers=False)


class Log:
    """Gunicorn's glogging.Logger, as hooks use it."""

    def __init__(self, cfg):
        self.cfg = cfg
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        self.loglevel = self.error_log.level
        self.logfile = None
        for name in ("critical", "error", "warning", "info", "debug", "exception", "log"):
            setattr(self, name, getattr(self.error_log, name))

    def setup(self, cfg):
        pass

    def access(self, resp, req, environ, request_time):
        """The server writes that line."""

    def reopen_files(self):
        """The server does, on SIGUSR1."""

    def close_on_exec(self):
        """All are."""


def log_of(cfg, find):
    """What hooks get as server.log: one of the site's own logger_class, or ours. Its
    __init__ may configure logging, as Gunicorn's does. find: of a dotted name."""
    wanted = cfg.settings["logger_class"].get()
    if wanted in (None, "gunicorn.glogging.Logger", "gunicorn.glogging.GunicornLogger"):
        return Log(cfg)
    try:
        return (find(wanted) if isinstance(wanted, str) else wanted)(cfg)
    except Exception as error:
        raise ImportError(f"logger_class: {wanted} cannot be used: {error}") from error
