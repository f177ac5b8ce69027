# SPDX-License-Identifier: Apache-2.0
"""The real server under a systemd that the test plays.

    with Server() as server:
        assert server.get("/").status == 200

Everything of one server is in its scratch directory, which is kept, with the log shown, when
the test fails. Leaving the block stops it and checks: exit status, processes, log.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from . import client, control, paths, proc
from .gate import Gates
from .ledger import Ledger
from .until import PATIENCE
from .watch import Lines, NotifySocket, Watch

# At the beginning of a line of the text log, after its time and pid.
_BAD = re.compile(r"\[(ERROR|CRITICAL)\]")
_SANITIZER = re.compile(r"AddressSanitizer|runtime error:|LeakSanitizer|ThreadSanitizer")


def scratch_directory():
    """Short, so that paths of sockets fit; open, so that other users get in."""
    directory = tempfile.mkdtemp(prefix="mnd-")
    os.chmod(directory, 0o777)
    return directory


def _occupied(slots):
    return sorted(slot["pid"] for slot in slots if slot.get("pid", 0) > 1)


def _serving(slots):
    return sorted(slot["pid"] for slot in slots if slot["state"] == "serving")


class Server:
    """Options, all of them optional:

    app           APP_MODULE of the command line
    config        settings as in monodon.yaml, over those of _config()
    arguments     more words of the command line; `command`: all of them, and no file
    environment   more of it; None as a value removes a variable
    sockets       {name: path or (host, port)} that systemd listens on; {} for none
    announced     False: LISTEN_FDS does not tell of them
    bind          what the server shall bind by itself (then there are no `sockets`)
    watchdog      seconds
    store         FileDescriptorStoreMax=, how many descriptors systemd keeps
    expect        regular expressions of log lines that may be [ERROR] or [CRITICAL]
    user          (uid, gid) to start as; limits: {"RLIMIT_NOFILE": n}; umask
    stdout/stderr a descriptor to use in place of the one that is read here
    directory     a scratch directory that exists already (and stays)
    cgroup        the directory of a cgroup to run in
    old_kernel    True: the kernel cannot refuse descriptors (SO_PASSRIGHTS, Linux 6.16);
                  "5.10", "5.0", "sandbox", "pidfds", "orphans": support/launch.py
    """

    UNIX = "http.sock"  # in the scratch directory

    def __init__(self, app="probe:application", *, config=None, arguments=(), command=None,
                 environment=None, sockets=None, bind=None, notify=True, watchdog=None,
                 expect=(), user=None, limits=None, umask=0o022, stdout=None, stderr=None,
                 directory=None, store=0, cgroup=None, announced=True, old_kernel=False):
        self.scratch = directory or scratch_directory()
        self._own_scratch = directory is None
        self.app, self.arguments, self.command = app, list(arguments), command
        self.bind, self.expect, self.cgroup = bind, list(expect), cgroup
        self.announced, self.old_kernel = announced, old_kernel
        self.user, self.limits, self.umask = user, limits or {}, umask
        self._outputs = (stdout, stderr)
        self.watch = Watch()
        self.notify = (NotifySocket(self.watch, self.path("notify.sock"), store)
                       if notify else None)
        self.gates = Gates(self.path("gates.sock"))
        self.ledger = Ledger(self.path("ledger"))
        self.listeners = {}
        self._address = None
        if bind is None:
            default = {"http": self.UNIX}
            self.listeners = {name: self._listen(where) for name, where in
                              (default if sockets is None else sockets).items()}
        self.config = self._config() | (config or {})
        self.environment = self._environment(environment or {}, watchdog)
        self.process = self.pidfd = self.log = self.out = None
        self.status_code, self.start_in = None, "."  # below the scratch directory
        self._spent = []  # descriptors of earlier processes
        self._failed = False
        if user:
            for name in os.listdir(self.scratch):
                os.chmod(self.path(name), 0o777)

    # -- starting ------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.scratch, name)

    def _config(self):
        return {"workers": 2, "runtime_directory": self.scratch, "python": paths.PYTHON,
                "python_path": [str(paths.APPS), self.scratch], "log_level": "debug",
                "error_log_format": "text", "graceful_timeout": 10, "access_log": "",
                "observe": 0, "fallback": 0, "rehearse": 0,
                "spool_directory": self.scratch} | ({"bind": self.bind} if self.bind else {})

    def _environment(self, more, watchdog):
        base = {name: os.environ[name] for name in
                ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                 "MONODON_LIBDIR") if name in os.environ}
        base |= {"GATES_DIRECTORY": self.scratch, "PYTHONDONTWRITEBYTECODE": "1",
                 "MONODON_METRICS_BIND": "off"}
        if "MONODON_TEST_PRELOAD" in os.environ:
            base["LD_PRELOAD"] = os.environ["MONODON_TEST_PRELOAD"]
        if self.notify:
            base["NOTIFY_SOCKET"] = self.notify.path
        if watchdog:
            base["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return {k: v for k, v in (base | more).items() if v is not None}

    def _listen(self, where):
        if isinstance(where, tuple):
            made = socket.create_server(where, family=socket.AF_INET6 if ":" in where[0]
                                        else socket.AF_INET)
        else:
            where = self.path(where)
            made = socket.socket(socket.AF_UNIX)
            made.bind(where)
            os.chmod(where, 0o666)
            made.listen(4096)
        self._address = self._address or where
        return made

    def write_config(self, **changes):
        """YAML is a superset of JSON. None leaves a setting out; 0.3 is 300 ms."""
        self.config |= changes
        values = {key: f"{round(value * 1000)}ms" if isinstance(value, float) else value
                  for key, value in self.config.items() if value is not None}
        with open(self.path("monodon.yaml"), "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)

    def write(self, name, text):
        """A file of the application, in the scratch directory: the old one or the new
        one, whenever an import looks."""
        with open(self.path(name + ".new"), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.path(name + ".new"), self.path(name))

    def argv(self):
        if self.command is not None:
            return [str(paths.MONODON), *self.command]
        self.write_config()
        return [str(paths.MONODON), "serve", "-c", self.path("monodon.yaml"),
                *self.arguments, self.app]

    def spawn(self):
        """Starts the process and returns at once."""
        sources = [(name, made.fileno()) for name, made in self.listeners.items()]
        if self.notify:
            sources += self.notify.stored_now()
        names, fds = [name for name, _ in sources], [fd for _, fd in sources]
        orders = {"argv": self.argv(), "environment": self.environment,
                  "fds": fds, "names": names if self.announced else None,
                  "limits": self.limits, "user": self.user, "close": [], "umask": self.umask,
                  "cgroup": self.cgroup, "old_kernel": self.old_kernel}
        out, err = self._pipes()
        self.process = subprocess.Popen(
            [paths.PYTHON, "-I", "-S", str(paths.TESTS / "support" / "launch.py")],
            env={"LAUNCH": json.dumps(orders)}, pass_fds=fds,
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.path(self.start_in))
        for mine, given in zip((out, err), self._outputs):
            if given is None:
                os.close(mine)
        self.pidfd = os.pidfd_open(self.process.pid)
        self.watch.add(self.pidfd, lambda: False)
        return self

    def _pipes(self):
        ends, readers = [], []
        for given in self._outputs:
            if given is None:
                read, write = os.pipe2(os.O_CLOEXEC)
                ends.append(write)
                readers.append(Lines(self.watch, read))
            else:
                ends.append(given)
                readers.append(None)
        self.out, self.log = readers
        return ends

    def start(self, timeout=20):
        self.spawn()
        self.await_ready(timeout)
        return self

    def await_ready(self, timeout=20):
        self.wait(lambda: self.notify.has("READY"), "READY=1", timeout)

    def restart(self, how=signal.SIGTERM, timeout=20):
        """Ends the process and starts another one, as Restart= and `systemctl restart`
        do: on the same sockets, with what is in the store. Its log is a new one."""
        if self.status_code is None:
            self.stop(how)
        self.watch.wait(lambda: not self.processes(), "the last process to go")
        assert not self.unexpected(), self.unexpected()
        # Not closed yet: the watching thread may be looking at them.
        self._spent += [self.pidfd, *(lines.fd for lines in (self.out, self.log) if lines)]
        heard = len(self.notify.messages)
        self.status_code = None
        self.spawn()
        self.wait(lambda: self.notify.has("READY", after=heard), "READY=1", timeout)

    # -- waiting -------------------------------------------------------------------

    def wait(self, predicate, what, timeout=10):
        return self.watch.wait(predicate, what, timeout * PATIENCE, self._ended)

    def _ended(self):
        if self.process and self.process.poll() is not None:
            return f"the server ended with status {self.process.returncode}"
        return None

    def await_log(self, pattern, timeout=10, after=0):
        """The first line of the log, from number `after` on, that matches."""
        search = re.compile(pattern).search
        return self.wait(lambda: next(filter(search, self.log.lines[after:]), None),
                         f"{pattern!r} in the log", timeout)

    def await_exit(self, timeout=15):
        """The exit status (negative: the signal that ended it)."""
        self.watch.wait(self._ended, "the end of the server", timeout * PATIENCE)
        pipes = [lines for lines in (self.log, self.out) if lines]
        self.watch.wait(lambda: all(lines.read_up() for lines in pipes), "its last words")
        self.status_code = self.process.returncode
        return self.status_code

    # -- looking -------------------------------------------------------------------

    @property
    def pid(self):
        return self.process.pid

    def processes(self):
        """All that were started by this server and live, wherever they hang now."""
        mark = f"GATES_DIRECTORY={self.scratch}\0".encode()
        return proc.with_environment(mark)

    def workers(self):
        """Pids of all workers that the master has, whatever they do."""
        return _occupied(self.control({"op": "status"})["slots"])

    def zygotes(self):
        """The master's other children. While a worker starts it may be one of them."""
        children = proc.children(self.pid)
        workers = self.workers()
        return [pid for pid in children if pid not in workers and proc.state(pid) != "Z"]

    def await_workers(self, count, timeout=10, without=()):
        """Exactly `count` workers that serve, none of them in `without`."""
        def there():
            slots = self._slots()
            serving = _serving(slots)
            fits = len(serving) == count == len(_occupied(slots))
            return [serving] if fits and not set(serving) & set(without) else None
        return self.wait(there, f"{count} workers serving", timeout)[0]

    def serving(self):
        """Pids of the workers that serve, as the master knows them."""
        return _serving(self._slots())

    def _slots(self):
        """Empty where nobody answers: while one program follows another (upgrade)."""
        try:
            return self.control({"op": "status"}).get("slots", [])
        except OSError:
            return []

    def control(self, order):
        return control.ask(self.path("control.sock"), order, 10 * PATIENCE)

    def status(self):
        """`monodon status --json`, parsed."""
        done = subprocess.run(
            [str(paths.MONODON), "status", "--json", "--control", self.path("control.sock")],
            capture_output=True, timeout=20 * PATIENCE, check=False, cwd=self.scratch)
        if done.returncode != 0:
            raise ValueError(done.stderr.decode())
        return json.loads(done.stdout)

    def descriptors_at_rest(self):
        """How many the master and the zygote have open, once that has stopped changing:
        the end of a connection to the control socket is seen a moment later, and the
        zygote of the last generation may still be on its way out."""
        seen = []

        def steady():
            others = [pid for pid in proc.children(self.pid) if proc.state(pid) != "Z"
                      and not proc.title(pid).startswith("monodon: worker")]
            seen.append([len(proc.descriptors(pid)) for pid in (self.pid, *others)])
            return seen[-1] if seen[-5:] == seen[-1:] * 5 else None
        return self.wait(steady, "steady descriptors")

    # -- asking --------------------------------------------------------------------

    @property
    def address(self):
        return self._address

    @address.setter
    def address(self, where):
        self._address = where

    def connect(self, where=None, timeout=10, **options):
        return client.Connection(where or self._address, timeout * PATIENCE, **options)

    def get(self, target="/", **fields):
        with self.connect() as connection:
            return connection.get(target, **fields)

    # -- stopping ------------------------------------------------------------------

    def send_signal(self, which):
        os.kill(self.process.pid, which)

    def stop(self, how=signal.SIGTERM, timeout=15):
        self.send_signal(how)
        return self.await_exit(timeout)

    def unexpected(self):
        """Lines of the log that no test asked for."""
        if self.log is None:
            return []
        bad = [line for line in self.log.lines if _BAD.search(line)
               and not any(re.search(pattern, line) for pattern in self.expect)]
        return bad + [line for line in self.log.lines if _SANITIZER.search(line)]

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._failed = True
            self.close()
            raise

    def __exit__(self, kind, *_):
        try:
            self._failed = kind is not None
            if not self._failed:
                self.finish()
        except BaseException:
            self._failed = True
            raise
        finally:
            self.close()

    def finish(self):
        """Stops what runs and checks what any server must leave behind: nothing."""
        self.gates.close()
        if self.status_code is None:
            status = self.stop()
            assert status == 0, f"exit status {status}"
        self.watch.wait(lambda: not self.processes(), "the last process to go")
        assert not self.unexpected(), self.unexpected()

    def close(self):
        # Called while an exception passes by: the test has failed.
        self._failed = self._failed or sys.exc_info()[0] is not None
        self.gates.close()
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            os.close(self.pidfd)
        self.watch.close()
        for made in self.listeners.values():
            made.close()
        if self.notify:
            self.notify.close()
        for fd in [*self._spent, *(lines.fd for lines in (self.out, self.log) if lines)]:
            os.close(fd)
        if self._failed:
            self.explain()
        elif self._own_scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def explain(self):
        print(f"--- {self.scratch} is kept; the server's log:", file=sys.stderr)
        for lines in (self.log, self.out):
            print("\n".join(lines.lines[-200:]) if lines else "(not read)", file=sys.stderr)
        if self.notify:
            print("--- systemd heard:", self.notify.messages[-20:], file=sys.stderr)
