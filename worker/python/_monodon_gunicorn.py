# SPDX-License-Identifier: Apache-2.0
"""A gunicorn.conf.py where the application lives. The zygote runs it before it imports
the application, as Gunicorn's arbiter does (what it does to os.environ holds), and its
hooks are called with stand-ins for Gunicorn's objects, which have what is listed here.

    when_ready(server)          zygote, once, before the first worker is forked
    post_fork(server, worker)   worker, after the application is there: before it serves
    post_worker_init(worker)    worker, right after that
    worker_exit(server, worker) worker, after its last request
    child_exit(server, worker)  zygote, when the master has seen the worker's end

https://docs.gunicorn.org/en/stable/settings.html#server-hooks. The server is the master,
which runs no Python: its hooks run in the zygote of the generation.
"""

import importlib.util
import logging
import os

import _monodon

HOOKS = ("when_ready", "post_fork", "post_worker_init", "worker_exit", "child_exit")


class StandIn:
    def __init__(self, what, **known):
        vars(self).update(known, _what=what)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        known = ", ".join(sorted(n for n in vars(self) if not n.startswith("_")))
        raise AttributeError(
            f"{name}: Monodon's stand-in for Gunicorn's {self._what} has only {known}")


class _ErrorLog(logging.Handler):
    """The server's error log, which has its own idea of what it shows and how."""

    def emit(self, record):
        try:
            _monodon.log(record.levelno, self.format(record))
        except Exception:  # a format that does not fit its arguments
            self.handleError(record)


def _logger():
    logger = logging.Logger("gunicorn.error", logging.DEBUG)
    logger.addHandler(_ErrorLog())
    return logger


def _reader():
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        "_monodon_read_gunicorn_conf", os.path.join(here, "read_gunicorn_conf.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Configuration:
    """Made in the zygote; workers inherit it over the fork."""

    def __init__(self, name, workers, threads):
        found = vars(_reader().load(name))
        self._hooks = {hook: found[hook] for hook in HOOKS if callable(found.get(hook))}
        values = {n: v for n, v in found.items() if not n.startswith("_")}
        self._cfg = StandIn("Config", **{"workers": workers, "threads": threads} | values)
        self._log = _logger()
        self._server = StandIn("Arbiter", pid=os.getppid(), cfg=self._cfg, log=self._log,
                               num_workers=workers, proc_name=found.get("proc_name"))
        self._worker = None

    def _call(self, hook, *arguments):
        if function := self._hooks.get(hook):
            function(*arguments)

    def _stand_in(self, pid, serial, slot):
        return StandIn("Worker", pid=pid, age=serial, slot=slot, ppid=self._server.pid,
                       cfg=self._cfg, log=self._log, alive=True)

    def when_ready(self):
        self._call("when_ready", self._server)

    def worker_starts(self, serial, slot):
        self._worker = self._stand_in(os.getpid(), serial, slot)
        self._call("post_fork", self._server, self._worker)
        self._call("post_worker_init", self._worker)

    def worker_stops(self):
        self._worker.alive = False
        self._call("worker_exit", self._server, self._worker)

    def worker_ended(self, pid, serial, slot):
        worker = self._stand_in(pid, serial, slot)
        worker.alive = False
        self._call("child_exit", self._server, worker)
