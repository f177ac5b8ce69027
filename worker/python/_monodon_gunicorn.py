# SPDX-License-Identifier: Apache-2.0
"""A gunicorn.conf.py where the application lives. The zygote has run it before it imports
the application, as Gunicorn's arbiter does (what it does to os.environ holds), and its
hooks are called with stand-ins for Gunicorn's objects.

    nworkers_changed(server, now, before)
                                zygote, before the next two, and when the number changes
    on_starting(server)         zygote of the start, before the application is imported
    on_reload(server)           zygote of a reload, before the application is imported
    when_ready(server)          zygote of the start, before the first worker is forked
    pre_fork(server, worker)    zygote, before each worker, or a rehearsal, is forked
    post_fork(server, worker)   worker, after the application is there: before it serves
    post_worker_init(worker)    worker, right after that
    pre_request, post_request   worker, around each request
    worker_int(worker)          worker, when it got SIGINT or SIGQUIT, or leaves at once
    worker_abort(worker)        worker, main thread: a request is past its deadline; SIGABRT
    worker_exit(server, worker) worker, after its last request
    child_exit(server, worker)  zygote, when the master has seen the worker's end
    pre_exec(server)            zygote, before another program takes the master's place
    on_exit(server)             zygote, when the last worker of a server that ends has ended

https://docs.gunicorn.org/en/stable/settings.html#server-hooks. The server is the master,
which runs no Python: its hooks run in the zygote of the generation. on_starting and
when_ready are called again in a later one if what they left has ended with the zygote before
(_monodon_gunicorn_once.py).
"""

import json
import logging
import os
import signal
import sys
import threading
import time

import _monodon
import _monodon_gunicorn_file as gunicorn_file
import _monodon_gunicorn_log as loggers
import _monodon_gunicorn_logger as gunicorn_logger
import _monodon_gunicorn_once as once
import _monodon_gunicorn_requests
import _monodon_gunicorn_settings as settings
import _monodon_runtime as runtime
from _monodon_gunicorn_sockets import Listener, connections
from _monodon_gunicorn_standin import Missing, StandIn


DEADLINE = signal.SIGRTMAX - 2  # of a request; not SIGABRT, which is a crash elsewhere


class Arbiter(StandIn):
    """What it orders is asked of the master, by signals."""

    stands_for = ("gunicorn.arbiter.Arbiter",)
    SIGNALS = [getattr(signal, f"SIG{name}")
               for name in "HUP QUIT INT TERM TTIN TTOU USR1 USR2 WINCH".split()]
    SIG_NAMES = {number: number.name[3:].lower() for number in SIGNALS}
    WORKER_BOOT_ERROR = 3
    APP_LOAD_ERROR = 4
    WAKEUP_REQUEST = signal.NSIG

    def __getattr__(self, name):
        """server.handle_ttin() and its like: the signal, to the master."""
        if number := getattr(signal, f"SIG{name.removeprefix('handle_').upper()}", None):
            if name.startswith("handle_") and number in self.SIGNALS:
                return lambda *_: os.kill(self.pid, number)
        return super().__getattr__(name)

    @property
    def num_workers(self):
        return self._num_workers

    @num_workers.setter
    def num_workers(self, wanted):
        more = wanted - self._num_workers
        for _ in range(abs(more)):
            os.kill(self.pid, signal.SIGTTIN if more > 0 else signal.SIGTTOU)

    def kill_worker(self, pid, sig):
        os.kill(pid, sig)

    def kill_workers(self, sig):
        for pid in list(self.WORKERS):
            os.kill(pid, sig)

    def reload(self):
        os.kill(self.pid, signal.SIGHUP)

    def stop(self, graceful=True):
        os.kill(self.pid, signal.SIGTERM if graceful else signal.SIGQUIT)

    def halt(self, reason=None, exit_status=0):
        self.stop()

    def wakeup(self):
        """The master needs none."""

    manage_workers = reap_workers = murder_workers = wakeup


class SyncWorker(StandIn):
    stands_for = ("gunicorn.workers.sync.SyncWorker", "gunicorn.workers.base.Worker")
    SIGNALS = [getattr(signal, f"SIG{name}")
               for name in "ABRT HUP QUIT INT TERM USR1 USR2 WINCH CHLD".split()]

    def __str__(self):
        return f"<Worker {self.pid}>"

    @property
    def alive(self):
        return self._alive

    @alive.setter
    def alive(self, lives):
        """worker.alive = False is how a hook asks for another worker in this one's place,
        after the requests that run."""
        if self._alive and not lives and self._serves and self.pid == os.getpid():
            os.kill(self.pid, signal.SIGTERM)
        self._alive = lives

    def handle_exit(self, *_):
        self.alive = False

    def handle_quit(self, *_):
        os.kill(self.pid, signal.SIGQUIT)

    def handle_abort(self, *_):
        os.kill(self.pid, signal.SIGABRT)


class ThreadWorker(SyncWorker):
    stands_for = ("gunicorn.workers.gthread.ThreadWorker", "gunicorn.workers.base.Worker")

    @property
    def nr_conns(self):
        return connections(self.sockets)

    @property
    def worker_connections(self):
        return self.cfg.worker_connections

    @property
    def max_keepalived(self):
        return self.cfg.worker_connections - self.cfg.threads


class _Tmp(StandIn):
    """Gunicorn's file for signs of life; here a worker's page tells."""

    def notify(self):
        pass

    def last_update(self):
        return time.monotonic()

    def close(self):
        pass


class _Pidfile(StandIn):
    """Of the server, which writes and removes it."""


class _App(StandIn):
    """Gunicorn's application object around the one that is served."""

    def __init__(self, cfg, interface):
        super().__init__()
        self.cfg = cfg
        self._interface = interface
        self.app_uri = cfg.application
        self.callable = None
        self.usage = self.prog = None
        self.logger = None

    def wsgi(self):
        """Imported now, if it is not yet, as Gunicorn does."""
        return self.callable or self.load()

    def load(self):
        failure, found, _ = runtime._loading.load_application(
            self.app_uri, self._interface)
        if failure:
            raise ImportError(found)
        return found

    load_wsgiapp = load


def _tell_what_gunicorn_is_told():
    """Names of its module that sites set to change what responses say."""
    gunicorn = sys.modules.get("gunicorn")
    usual = f"gunicorn/{getattr(gunicorn, '__version__', '')}"
    for name, value in (("SERVER_SOFTWARE", usual), ("SERVER", "gunicorn")):
        if getattr(gunicorn, name, value) != value:
            _monodon.log(logging.WARNING, f"gunicorn.{name} is set, and changes nothing here: "
                         "the Server field of responses is the setting server_header")


class Configuration:
    """Made in the zygote; workers inherit it over the fork.

    facts: {"merged": Gunicorn's settings as this server has them, "listeners": [address]}.
    """

    def __init__(self, name, facts):
        facts = json.loads(facts)
        self._module = gunicorn_file.load(name)
        found = settings.of_module(self._module)
        self._hooks = {hook: settings.hook_of(found[hook]) for hook in settings.hooks_in(found)}
        self._cfg = settings.Config(found, facts["merged"] | {"config": name})
        gunicorn_logger.configure(self._cfg)
        self._log = gunicorn_logger.log_of(self._cfg, settings.hook_of)
        gunicorn_logger.follow_rotation()
        _tell_what_gunicorn_is_told()
        self._app = _App(self._cfg, facts["interface"])
        self._imported = None
        self._asynchronous = False
        sockets = [Listener(address, self._cfg) for address in facts["listeners"]]
        self._server = Arbiter(
            pid=os.getppid(), cfg=self._cfg, log=self._log, app=self._app,
            _num_workers=self._cfg.workers, proc_name=self._cfg.proc_name, WORKERS={},
            LISTENERS=sockets, address=self._cfg.address, timeout=self._cfg.timeout,
            worker_age=0, worker_class=self._cfg.worker_class, master_name="Master",
            master_pid=0, reexec_pid=0, systemd="LISTEN_FDS" in os.environ, PIPE=[],
            pidfile=_Pidfile(fname=self._cfg.pidfile, pid=os.getppid())
            if self._cfg.pidfile else None, dirty_arbiter=None, dirty_arbiter_pid=0,
            START_CTX={"args": list(sys.argv), "cwd": os.getcwd(), 0: sys.executable})
        self._worker = None
        self._forking = None  # stands for a worker that is about to be forked
        self._generation_has_begun = False
        self.failed = ""  # the hook that raised last
        self._workers_before = facts["workers_before"] or None
        self.arbiters = once.Arbiters()
        self.arbiters.threads += [thread for thread in threading.enumerate()
                                  if thread is not threading.main_thread()]

    def call_once(self, hooks):
        """hooks: bits of _monodon_gunicorn_once.py. -> two such: of those that have left
        something here, and of those of which something runs here"""
        if not self._generation_has_begun:
            self._generation_has_begun = True
            self.workers_wanted((self._cfg.workers, self._workers_before))
        all_left = all_running = 0
        for bit, name in once.HOOKS.items():
            if hooks & bit and name in self._hooks:
                before = once.Before((self._module, self._server))
                self._call(name, self._server)
                left, runs = before.left(self.arbiters)
                all_left |= bit * left
                all_running |= bit * runs
        return all_left, all_running

    def _call(self, hook, *arguments):
        """What a hook wants of Gunicorn alone is told; the site serves all the same."""
        if not (function := self._hooks.get(hook)):
            return
        try:
            function(*arguments)
        except Missing as error:
            self._log.warning(f"{hook} was left at: {error}. The rest of the hook is skipped")
        except BaseException:
            self.failed = hook
            raise

    def wrap(self, application):
        """The application, once it is imported, as it is to be called."""
        self._app.callable = self._imported = application
        return self._dressed(application, None)

    def serves_asgi(self, application):
        self._app.callable = application
        self._asynchronous = True

    def _dressed(self, application, access):
        pre, post = self._hooks.get("pre_request"), self._hooks.get("post_request")
        if not pre and not post and not access:
            return application
        return _monodon_gunicorn_requests.wrap(
            application, pre, post, lambda: self._worker, self._log, access)

    def _access(self):
        """Where Python has a say in the access log: what logs a request there."""
        by_class = gunicorn_logger.makes_lines(self._log)
        if by_class or loggers.is_changed():
            return runtime.beside("_monodon_gunicorn_access").Access(self._log, by_class)
        return None

    def _other_application(self):
        """post_worker_init may have put one around it: worker.wsgi is what Gunicorn calls."""
        if self._asynchronous:  # there is nothing of WSGI to put around it
            return None
        application, access = self._worker.wsgi, self._access()
        if application is self._imported and not access:
            return None
        return self._dressed(application, access)

    def _stand_in(self, pid, serial, slot, serves=True):
        kind = ThreadWorker if self._cfg.threads > 1 else SyncWorker
        return kind(
            pid=pid, age=serial, slot=slot, ppid=self._server.pid, cfg=self._cfg,
            log=self._log, _alive=True, _serves=serves, booted=False, aborted=False, nr=0,
            tmp=_Tmp(),
            max_requests=self._cfg.max_requests or sys.maxsize, app=self._app,
            wsgi=self._app.callable, timeout=self._cfg.timeout / 2, reloader=None,
            sockets=self._server.LISTENERS, PIPE=[], notify=lambda: None)

    def before_fork(self, numbers):
        """A serial of 0: for a rehearsal or a check, whose worker stands for the next one."""
        serial, slot = numbers
        age = serial or self._server.worker_age + 1
        self._server.worker_age = serial or self._server.worker_age
        self._forking = self._stand_in("[booting]", age, slot, serial > 0)
        self._call("pre_fork", self._server, self._forking)

    def forked(self, pid):
        if self._forking:
            self._forking.pid = pid
            self._server.WORKERS[pid] = self._forking
            self._forking = None

    def workers_wanted(self, numbers):
        now, before = numbers
        self._server._num_workers = now
        self._call("nworkers_changed", self._server, now, before)

    def upgrade_begins(self):
        self._call("pre_exec", self._server)

    def server_ends(self):
        self._call("on_exit", self._server)

    def _watch(self, hook, *numbers):
        """Calls a hook at these signals; one that is not a deadline asks for another worker
        in the place of this one."""
        def handle(number, _frame):
            if os.getpid() != self._worker.pid:  # forked by the application
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
                return
            try:
                self._call(hook, self._worker)
            except BaseException:  # not into the view that runs
                self._log.exception("%s raised", hook)
            if number not in (signal.SIGABRT, DEADLINE):
                os.kill(os.getpid(), signal.SIGTERM)
        for number in numbers if hook in self._hooks else ():
            signal.signal(number, handle)

    def wishes(self):
        return (DEADLINE if "worker_abort" in self._hooks else 0,
                True,  # files may have something in their buffers
                self._other_application())

    def worker_starts(self, serial, slot):
        # What pre_fork has put on it is there.
        self._worker = self._forking or self._stand_in("", serial, slot, serial > 0)
        self._worker.pid = os.getpid()
        self._worker.wsgi = self._app.callable
        self._server.WORKERS.clear()
        self._server.WORKERS[os.getpid()] = self._worker
        self._watch("worker_int", signal.SIGINT, signal.SIGQUIT)
        self._watch("worker_abort", DEADLINE)
        if "worker_abort" in self._hooks:
            # A real abort() is still told with its stack, by a handler before this one.
            runtime.beside("_monodon_crashes").go_before(
                lambda: self._watch("worker_abort", signal.SIGABRT))
        self._call("post_fork", self._server, self._worker)
        self._worker.booted = True
        self._call("post_worker_init", self._worker)

    def worker_is_interrupted(self):
        self._call("worker_int", self._worker)

    def worker_stops(self):
        self._worker._alive = False
        self._call("worker_exit", self._server, self._worker)

    def worker_ended(self, numbers):
        worker = self._server.WORKERS.pop(numbers[0], None) or self._stand_in(*numbers)
        worker._alive = False
        self._call("child_exit", self._server, worker)
