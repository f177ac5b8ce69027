# SPDX-License-Identifier: Apache-2.0
"""What configures the logging of the application with Gunicorn, in a gunicorn.conf.py or by
flags: logconfig, logconfig_json, logconfig_dict, logger_class; and what hooks get as
server.log and worker.log. Zygote, before the import.
"""

import functools
import json
import logging
import logging.config
import logging.handlers
import os
import sys
import threading
import time

import _monodon
import _monodon_gunicorn_log as loggers
from _monodon_gunicorn_standin import StandIn

USUAL = (None, "simple", "gunicorn.glogging.Logger", "gunicorn.glogging.GunicornLogger",
          "gunicorn.instrument.statsd.Statsd")
_LOGGERS = ("gunicorn.error", "gunicorn.access")
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


def _log_of_server(text):
    _monodon.log(logging.WARNING, text)


def configure(cfg):
    """Gunicorn's order: the first of these that is set. With each there are lines of
    requests."""
    loggers.installed["enabled"] |= bool(
        cfg.logconfig_dict or cfg.logconfig_json or cfg.logconfig)
    if cfg.logconfig_dict:
        logging.config.dictConfig(_defaults() | cfg.logconfig_dict)
    elif cfg.logconfig_json:
        if not os.path.exists(cfg.logconfig_json):
            _log_of_server(f"logconfig_json: {cfg.logconfig_json} is not there, and ignored")
            return
        with open(cfg.logconfig_json, encoding="utf-8") as file:
            logging.config.dictConfig(_defaults() | json.load(file))
    elif cfg.logconfig:
        if not os.path.exists(cfg.logconfig):
            raise FileNotFoundError(f"logconfig: {cfg.logconfig} is not there")
        known = {"__file__": cfg.logconfig, "here": os.path.dirname(cfg.logconfig)}
        logging.config.fileConfig(
            cfg.logconfig, defaults=known, disable_existing_loggers=False)


class Log(StandIn):
    """Gunicorn's glogging.Logger, as hooks use it."""

    LOG_LEVELS = {name: getattr(logging, name.upper())
                  for name in ("critical", "error", "warning", "info", "debug")}
    loglevel = logging.INFO
    error_fmt = _GENERIC["format"]
    datefmt = _GENERIC["datefmt"]
    access_fmt = "%(message)s"
    syslog_fmt = "[%(process)d] %(message)s"

    def __init__(self, cfg):
        super().__init__(error_handlers=[], access_handlers=[], lock=threading.Lock())
        self.cfg = cfg
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")
        self.loglevel = self.error_log.level
        self.logfile = None
        for name in ("critical", "error", "warning"):
            setattr(self, name, functools.partial(self._line, getattr(self.error_log, name)))

    @staticmethod
    def _line(write, *arguments, extra=None, **options):
        write(*arguments, extra={**(extra or {}), "of_server": True}, **options)

    def log(self, level, message, *arguments, **options):
        """With metric, value and mtype in extra also to statsd, whatever the level."""
        if isinstance(level, str):
            level = self.LOG_LEVELS.get(level.lower(), logging.INFO)
        extra = options.get("extra") or {}
        metric, value = extra.get("metric"), extra.get("value")
        if metric and value is not None and (send := self._METRICS.get(extra.get("mtype"))):
            send(self, metric, value)
        if message:
            self._line(functools.partial(self.error_log.log, level), message,
                       *arguments, **options)

    def exception(self, message, *arguments, **options):
        """To statsd it is no error, but has a name of its own."""
        self.error_log.exception(message, *arguments, **options)
        self.increment("gunicorn.log.exception", 1)

    def info(self, message, *arguments, **options):
        self.log(logging.INFO, message, *arguments, **options)

    def debug(self, message, *arguments, **options):
        self.log(logging.DEBUG, message, *arguments, **options)

    def gauge(self, name, value):
        _monodon.statsd(f"{name}:{value}|g")

    def increment(self, name, value, sampling_rate=1.0):
        _monodon.statsd(f"{name}:{value}|c|@{sampling_rate}")

    def decrement(self, name, value, sampling_rate=1.0):
        _monodon.statsd(f"{name}:-{value}|c|@{sampling_rate}")

    def histogram(self, name, value):
        _monodon.statsd(f"{name}:{value}|h")

    def timer(self, name, value):
        _monodon.statsd(f"{name}:{value}|ms")

    _METRICS = {"gauge": gauge, "counter": increment, "histogram": histogram, "timer": timer}

    def now(self):
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")

    def setup(self, cfg):
        pass

    def access(self, resp, req, environ, request_time):
        """See _monodon_gunicorn_access."""

    def reopen_files(self):
        """The server does, on SIGUSR1."""

    def close_on_exec(self):
        """All are."""


def log_of(cfg, find):
    """What hooks get as server.log: one of the site's own logger_class, or ours. Its
    __init__ may configure logging, as Gunicorn's does. find: of a dotted name."""
    wanted = cfg.settings["logger_class"].get()
    if wanted in USUAL:
        return Log(cfg)
    ours = {name: logging.getLogger(name).handlers[:] for name in _LOGGERS}
    for name in _LOGGERS:  # or what its __init__ logs is logged twice
        logging.getLogger(name).handlers.clear()
    try:
        kind = find(wanted) if isinstance(wanted, str) else wanted
        log = kind(cfg)
    except Exception as error:
        raise ImportError(f"logger_class: {wanted} cannot be used: {error}") from error
    # Gunicorn's own class has done by now what configure() did.
    again = _derived(kind) and (cfg.logconfig_dict or cfg.logconfig_json or cfg.logconfig)
    _choose_handlers({name: [] for name in _LOGGERS} if again else ours)
    return log


def _theirs():
    return getattr(sys.modules.get("gunicorn.glogging"), "Logger", None)


def _derived(kind):
    theirs = _theirs()
    return theirs is not None and isinstance(kind, type) and issubclass(kind, theirs)


def _choose_handlers(ours):
    """Those that Gunicorn's own class makes write where ours write; others take their place,
    where none of them is left."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        theirs = [one for one in logger.handlers if not _is_usual(one)]
        replaced = theirs and len(theirs) == len(logger.handlers)
        logger.handlers[:] = theirs if replaced else ours[name] + theirs


def _is_usual(handler):
    formatter = handler.formatter
    own = not getattr(handler, "_gunicorn", False) or handler.filters
    return not own and type(formatter) is logging.Formatter and (
        formatter._fmt in (Log.error_fmt, Log.access_fmt, Log.syslog_fmt))


def follow_rotation():
    """Files of these loggers, which Gunicorn opens anew at SIGUSR1."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for i, handler in enumerate(logger.handlers):
            if type(handler) is not logging.FileHandler:
                continue
            logger.handlers[i] = watched = logging.handlers.WatchedFileHandler(
                handler.baseFilename, handler.mode, handler.encoding, True, handler.errors)
            watched.setFormatter(handler.formatter)
            watched.setLevel(handler.level)
            watched.filters[:] = handler.filters


def makes_lines(log):
    """Whether a logger_class of the site's own makes the lines of the access log."""
    kind = type(log)
    if kind is Log:
        return False
    theirs = _theirs()
    return any(getattr(kind, name, None) is not getattr(theirs, name, None)
               for name in ("access", "atoms", "now", "atoms_wrapper_class", "_get_user"))
