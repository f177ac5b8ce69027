# SPDX-License-Identifier: Apache-2.0
"""A gunicorn.conf.py where the application lives. The zygote has run it before it imports
the application, as Gunicorn's arbiter does (what it does to os.environ holds), and its
hooks are called with stand-ins for Gunicorn's objects.

    on_starting(server)         zygote of the start, before the application is imported
    on_reload(server)           zygote of a reload, before the application is imported
    when_ready(server)          zygote, once, before the first worker is forked
    pre_fork(server, worker)    zygote, before each worker is forked
    post_fork(server, worker)   worker, after the application is there: before it serves
    post_worker_init(worker)    worker, right after that
    pre_request, post_request   worker, around each request
    worker_exit(server, worker) worker, after its last request
    child_exit(server, worker)  zygote, when the master has seen the worker's end

https://docs.gunicorn.org/en/stable/settings.html#server-hooks. The server is the master,
which runs no Python: its hooks run in the zygote of the generation.
"""

import json
import os
import sys
import time

import _monodon_gunicorn_file as gunicorn_file
import _monodon_gunicorn_log as gunicorn_log
import _monodon_gunicorn_requests
import _monodon_gunicorn_settings as settings


class Missing(AttributeError):
    """Of Gunicorn's objects, what these stand-ins do not have."""


class StandIn:
    def __init__(self, what, **known):
        vars(self).update(known, _what=what)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise Missing(f"{name}: is not there: Monodon has no {self._what} of Gunicorn's, "
                      f"only a stand-in for it")


class _Tmp:
    """Gunicorn's file for signs of life; here a worker's page tells."""

    def notify(self):
        pass

    def last_update(self):
        return time.monotonic()

    def close(self):
        pass


class _Socket:
    """One of server.LISTENERS: says where it listens."""

    def __init__(self, address):
        self.cfg_addr = self._name = settings._address(address)
        self._text = address

    def getsockname(self):
        return self._name

    def __str__(self):
        return self._text if self._text.startswith("unix:") else f"http://{self._text}"


class _App:
    """Gunicorn's application object around the one that is served."""

    def __init__(self, cfg):
        self.cfg = cfg
        self.app_uri = cfg.wsgi_app
        self.callable = None
        self.usage = self.prog = None
        self.logger = None

    def wsgi(self):
        return self.callable

    load = load_wsgiapp = wsgi


class Configuration:
    """Made in the zygote; workers inherit it over the fork.

    facts: {"merged": Gunicorn's settings as this server has them, "listeners": [address]}.
    """

    def __init__(self, name, facts):
        facts = json.loads(facts)
        found = settings.of_module(gunicorn_file.load(name))
        self._hooks = {hook: settings.hook_of(found[hook]) for hook in settings.hooks_in(found)}
        self._cfg = settings.Config(found, facts["merged"] | {"config": name})
        gunicorn_log.configure(self._cfg)
        self._log = gunicorn_log.log_of(self._cfg, settings.hook_of)
        self._app = _App(self._cfg)
        sockets = [_Socket(address) for address in facts["listeners"]]
        self._server = StandIn(
            "Arbiter", pid=os.getppid(), cfg=self._cfg, log=self._log, app=self._app,
            num_workers=self._cfg.workers, proc_name=self._cfg.proc_name, WORKERS={},
            LISTENERS=sockets, address=self._cfg.address, timeout=self._cfg.timeout,
            worker_age=0, worker_class=self._cfg.worker_class, master_name="Master",
            master_pid=0, reexec_pid=0, systemd=False, pidfile=None, PIPE=[],
            START_CTX={"args": list(sys.argv), "cwd": os.getcwd(), 0: sys.executable})
        self._worker = None

    def generation_begins(self, reload):
        self._call("on_reload" if reload else "on_starting", self._server)

    def _call(self, hook, *arguments):
        """What a hook wants of Gunicorn alone is told; the site serves all the same."""
        if not (function := self._hooks.get(hook)):
            return
        try:
            function(*arguments)
        except Missing as error:
            self._log.warning(f"{hook} was left at: {error}")

    def wrap(self, application):
        """The application, once it is imported, as it is to be called."""
        self._app.callable = application
        pre, post = self._hooks.get("pre_request"), self._hooks.get("post_request")
        if not pre and not post:
            return application
        return _monodon_gunicorn_requests.wrap(
            application, pre, post, lambda: self._worker, self._log)

    def _stand_in(self, pid, serial, slot):
        return StandIn(
            "Worker", pid=pid, age=serial, slot=slot, ppid=self._server.pid, cfg=self._cfg,
            log=self._log, alive=True, booted=False, aborted=False, nr=0, tmp=_Tmp(),
            max_requests=self._cfg.max_requests or sys.maxsize, app=self._app,
            wsgi=self._app.callable, timeout=self._cfg.timeout / 2, reloader=None,
            sockets=self._server.LISTENERS, PIPE=[], notify=lambda: None)

    def when_ready(self):
        self._call("when_ready", self._server)

    def before_fork(self, numbers):
        serial, slot = numbers
        self._server.worker_age = serial
        if "pre_fork" in self._hooks:
            self._call("pre_fork", self._server, self._stand_in("[booting]", serial, slot))

    def worker_starts(self, serial, slot):
        self._worker = self._stand_in(os.getpid(), serial, slot)
        self._server.WORKERS[os.getpid()] = self._worker
        self._call("post_fork", self._server, self._worker)
        self._worker.booted = True
        self._call("post_worker_init", self._worker)

    def worker_stops(self):
        self._worker.alive = False
        self._call("worker_exit", self._server, self._worker)

    def worker_ended(self, numbers):
        worker = self._stand_in(*numbers)
        worker.alive = False
        self._call("child_exit", self._server, worker)
