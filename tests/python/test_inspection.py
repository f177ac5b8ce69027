# SPDX-License-Identifier: Apache-2.0
"""What an import has left that a fork breaks: each sort is found in a process of its own,
and what looks like it and is none is not.
"""

import os
import socket
import subprocess
import sys

import pytest

from conftest import LIBDIR

# As the zygote does it, but for the extension. `ask` may look at what the fork gives.
SCRIPT = """
import importlib.util, os, sys
sys.path[:0] = {path!r}

def beside(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join({libdir!r}, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

descriptors, threads = beside("_monodon_descriptors"), beside("_monodon_threads")
inspection, probe = beside("_monodon_inspection"), beside("_monodon_probe").Probe()
shared, before = beside("_monodon_shared"), probe.descriptors()
mapped = probe.shared_memory()
seeds = beside("_monodon_seeds").Seeds()
import shop
cures = beside("_monodon_cures").Cures()
found = (threads.lost(probe) + descriptors.left(before, probe)
         + shared.left(before, mapped, probe) + inspection.child_processes())
print("\\n".join(inspection.sentences(found, {explain!r})), flush=True)
{ask}
for pid in inspection.children():
    os.kill(pid, 15)
os._exit(0)
"""
COMMON = """
import ctypes, os, socket, threading, time
HERE = os.path.dirname(__file__)

def forever():
    threading.Event().wait()

def start(function=forever, name=None):
    threading.Thread(target=function, name=name, daemon=True).start()

def listen():
    return socket.create_server(("127.0.0.1", 0))

def connect():
    return socket.create_connection(("127.0.0.1", int(os.environ["DATABASE"])))
"""


@pytest.fixture(name="look")
def fixture_look(tmp_path):
    """Imports a module that begins like COMMON and goes on with `text`; what was found."""

    database = socket.create_server(("127.0.0.1", 0))

    def look(text, explain=False, ask="", **modules):
        (tmp_path / "shop.py").write_text(COMMON + text)
        for name, lines in modules.items():  # "a_b" is a.b
            path = tmp_path / (name.replace("_", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(lines)
        script = SCRIPT.format(path=[str(tmp_path)], libdir=LIBDIR, explain=explain, ask=ask)
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, text=True,
                              capture_output=True, timeout=60, check=False,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1",
                                   "DATABASE": str(database.getsockname()[1])})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().replace(str(tmp_path), "HERE")

    with database:
        yield look


@pytest.mark.parametrize("text, found", [
    ("start(name='mailer')", "thread 'mailer' (shop.forever)"),
    ("def clean(): pass\nt = threading.Timer(99, clean)\nt.daemon = True\nt.start()",
     "thread Timer of shop.clean"),
    ("class Mailer(threading.Thread):\n    run = staticmethod(forever)\n"
     "Mailer(name='m', daemon=True).start()", "thread 'm' (shop.Mailer)"),
    ("for i in range(5): start(name=f'n{i}')",
     "threads 'n0' (shop.forever), 'n1' (shop.forever), 'n2' (shop.forever) and 2 more"),
    ("from concurrent.futures import ThreadPoolExecutor\n"
     "pool = ThreadPoolExecutor(2)\npool.submit(int).result()",
     "thread 'ThreadPoolExecutor-0_0' (concurrent.futures.thread._worker)"),
    ("libc = ctypes.CDLL(None)\nlibc.pthread_create(ctypes.byref(ctypes.c_ulong()), None,"
     " libc.pause, None)", "native thread 'python3'"),
    ("server = listen()", "listening socket on 127.0.0.1:"),
    ("connection = connect()", "connection to 127.0.0.1:"),
    ("import fcntl\nf = open(HERE + '/x', 'a')\nfcntl.flock(f, fcntl.LOCK_EX)",
     "lock on HERE/x"),
    ("import fcntl\nf = open(HERE + '/x', 'a')\nfcntl.lockf(f, fcntl.LOCK_EX)",
     "lock on HERE/x"),
    ("f = open(HERE + '/Data.fs', 'w+b')",
     "file open for reading and writing, HERE/Data.fs"),
    ("f = open(__file__)", "file open for reading, HERE/shop.py"),
    ("import gzip\nf = gzip.open(HERE + '/x', 'at')", "compressed file open for writing, HERE/x"),
    ("import lzma\nf = lzma.open(HERE + '/x', 'w')", "compressed file open for writing, HERE/x"),
    ("import zipfile\nf = zipfile.ZipFile(HERE + '/x', 'w')",
     "compressed file open for writing, HERE/x"),
    ("import subprocess\np = subprocess.Popen(['sleep', '60'])", "child process "),
    ("import multiprocessing\nm = multiprocessing.Manager()", "child process "),
    ("import asyncio\nloop = asyncio.new_event_loop()",
     "event loop of asyncio (_UnixSelectorEventLoop)"),
    ("import select\np = select.epoll()", "event loop of a library"),
    ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 99)", "timer ITIMER_REAL"),
    ("import signal\nsignal.alarm(99)", "timer ITIMER_REAL"),
    ("libc = ctypes.CDLL(None)\nlibc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))",
     "timer of timer_create(2)"),
    ("timer = ctypes.CDLL(None).timerfd_create(1, 0)", "timer of timerfd_create(2)"),
    ("watch = ctypes.CDLL(None).inotify_init()", "watch of inotify, descriptor "),
    ("import multiprocessing as m\nq = m.Queue()", "pipe of multiprocessing.queues.Queue"),
    ("import multiprocessing as m\nq = m.SimpleQueue()",
     "pipe of multiprocessing.queues.SimpleQueue"),
    ("from concurrent.futures import ProcessPoolExecutor\npool = ProcessPoolExecutor(2)",
     "pipes of "),
    ("import multiprocessing as m\nends = m.Pipe(duplex=False)",
     "pipe of multiprocessing.connection.Connection"),
    ("s = socket.socket(type=socket.SOCK_DGRAM)\ns.bind(('127.0.0.1', 0))",
     "socket that receives on 127.0.0.1:"),
    ("s = socket.socket(type=socket.SOCK_DGRAM)\ns.connect(('127.0.0.1', 9))",
     "socket that receives on 127.0.0.1:"),
    ("s = socket.socket(type=socket.SOCK_DGRAM)\ns.sendto(b'x', ('127.0.0.1', 9))",
     "socket that receives on 0.0.0.0:"),
    ("a, b = socket.socketpair()", "pair of sockets with descriptor "),
    ("a, b = socket.socketpair(type=socket.SOCK_DGRAM)", "pair of sockets with descriptor "),
    ("import multiprocessing as m\nends = m.Pipe()",
     "pair of sockets of multiprocessing.connection.Connection"),
    ("ends = os.pipe()", "pipe with descriptors "),
    ("import mmap\nm = mmap.mmap(-1, 8192)", "memory shared between processes, 8 KiB"),
    ("libc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n"  # IPC_PRIVATE
     "m = libc.shmget(0, 8192, 0o1600)\nlibc.shmat(m, None, 0)\nlibc.shmctl(m, 0, None)",
     "memory shared between processes, 8 KiB"),
    ("from multiprocessing.shared_memory import SharedMemory\n"
     "m = SharedMemory(create=True, size=10)\nm.unlink()",
     "memory shared between processes, 4 KiB"),
    ("import multiprocessing as m\nv = m.Value('i')",
     "memory shared between processes, 4 KiB\nlock of multiprocessing (RLock)"),
    ("import multiprocessing as m\nlock = m.get_context('spawn').Lock()",
     "lock of multiprocessing (Lock)"),
    ("import multiprocessing as m\nevent = m.Event()", "lock of multiprocessing (Lock, Semaphore)"),
    ("s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(HERE + '/answers')",
     "socket that receives on HERE/answers"),
    ("s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\ns.bind((0, 0))",
     "socket that receives on netlink"),
])
def test_what_a_fork_breaks_is_found(look, text, found):
    assert look(text).startswith(found)


@pytest.mark.parametrize("text", [
    "",
    "t = threading.Thread(target=lambda: time.sleep(0.02))\nt.start()",  # about to end
    "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)",
    "import logging.handlers\nh = logging.handlers.SysLogHandler(('127.0.0.1', 9))\n"
    "h.emit(logging.makeLogRecord({}))",
    # As syslog's and systemd's: nobody can answer it.
    "there = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nthere.bind(HERE + '/log')\n"
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.connect(HERE + '/log')\n"
    "there.close()",
    "one = socket.socketpair()[0]",
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "import signal\nsignal.setitimer(signal.ITIMER_REAL, 99)\nsignal.alarm(0)",
    "import mmap\nm = mmap.mmap(-1, 8192)\nm.close()",
    "import mmap\nm = mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE)",
    "import mmap\nmemory = os.memfd_create('x')\nos.ftruncate(memory, 9)\n"
    "m = mmap.mmap(memory, 9)",
    "import multiprocessing as m\nends = m.Pipe(duplex=False)\n"
    "os.register_at_fork(after_in_child=lambda: [*map(os.close, [e.fileno() for e in ends])])",
    "import fcntl\nf = open(__file__)\nfcntl.flock(f, fcntl.LOCK_SH)",
    "import logging\nlogging.basicConfig(filename=HERE + '/log')",
    "f = open(HERE + '/report', 'w')",
    "f = open(HERE + '/metrics.db', 'a+b')",  # prometheus_client
    "import subprocess\np = subprocess.Popen(['true'])\n"
    "while open(f'/proc/{p.pid}/stat').read().split()[2] != 'Z': pass",
    "import asyncio\nasyncio.new_event_loop().close()\nasyncio.run(asyncio.sleep(0))",
    # As grpc, ddtrace: a hook closes in the child what it is not to share.
    "s = connect()\nos.register_at_fork(after_in_child=s.close)",
    "import select\np = select.epoll()\nos.register_at_fork(after_in_child=p.close)",
    # As OpenTelemetry, ddtrace: a hook revives the thread in the child, ...
    "start(name='exporter-1')\n"
    "os.register_at_fork(after_in_child=lambda: start(name='exporter-2'))",
    # ... and as OpenBLAS: one ends it before the fork, until it is needed again.
    "stop = threading.Event()\nt = threading.Thread(target=stop.wait)\nt.start()\n"
    "os.register_at_fork(before=lambda: (stop.set(), t.join()))",
])
def test_what_a_fork_does_not_break_is_not_found(look, text):
    assert look(text) == ""


def test_a_hook_that_hangs_in_the_child_does_not_hold_up_the_zygote(look):
    assert look("start(name='m')\nos.register_at_fork(after_in_child=forever)"
                ) == "thread 'm' (shop.forever)"


def test_who_holds_a_connection_is_named_where_that_is_known(look):
    held = "import {0}\nclient = {0}.Client(connect())"
    python = "class Client:\n    def __init__(self, s): self.pool = [{'x': s}]\n"
    native = ("import os\nclass Client:\n    def __init__(self, s): self.fd = s.detach()\n"
              "    def fileno(self): return self.fd\n")
    assert look(held.format("urllib3"), urllib3=python).endswith("(urllib3)")
    assert look(held.format("psycopg2"), psycopg2=native).endswith("(psycopg2)")
    assert look("s = connect()").endswith("(shop)")
    assert look("from shelf import util\nutil.s = connect()",
                shelf_util="").endswith("(shelf.util)")


# They see that they are in another process: stand-ins with what can be seen of them.
def test_packages_that_know_of_forks_are_no_finding(look):
    connection = "class Connection:\n    def __init__(self, s): self._sock = s\n"
    assert look("import redis\nc = redis.Connection(connect())", redis=connection) == ""
    datagrams = "import statsd\ns = socket.socket(type=socket.SOCK_DGRAM)\n" \
                "s.connect(('127.0.0.1', 9))\nc = statsd.Connection(s)\ndel s"
    assert look(datagrams, statsd=connection) == ""
    monitor = "import threading\ndef run(): threading.Event().wait()\n"
    assert look("import pymongo.monitor as m\nstart(m.run, 'pymongo_server_monitor_thread')",
                pymongo_monitor=monitor) == ""
    core = """
import ctypes, select
libc, tid = ctypes.CDLL(None), ctypes.c_ulong()
libc.pthread_create(ctypes.byref(tid), None, libc.pause, None)
libc.pthread_setname_np(tid, b"event_engine")
poll = select.epoll()
"""
    assert look("import grpc", grpc=core) == ""
    assert "event_engine" in look("import other", other=core)


def test_each_kind_is_told_once_with_harm_and_remedy(look):
    lines = look("start(name='a')\nstart(name='b')\nserver = listen()", explain=True).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("threads 'a' (shop.forever), 'b' (shop.forever) left by")
    assert all(line.count(": ") == 1 and "post_fork" in line for line in lines), lines


DJANGO = """
from django.conf import settings
settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": HERE + "/db"}})
import django.db
def ask():
    with django.db.connection.cursor() as cursor:
        return cursor.execute("SELECT 1").fetchone()
ask()
"""


def test_django_connects_again_after_the_cure(look):
    assert look(DJANGO, ask="print(shop.ask())") == "(1,)"


ENGINE = """
class Engine:
    def __init__(self, name, database, held):
        self.dialect = type("Dialect", (), {"name": name})
        self.url = type("URL", (), {"database": database})
        self.held = held
    def dispose(self):
        self.held.close()
"""


def test_engines_of_sqlalchemy_are_disposed_but_not_a_database_in_memory(look):
    text = "from sqlalchemy.engine import Engine\nengine = Engine({}, connect())"
    packages = {"sqlalchemy_engine": ENGINE}
    assert look(text.format("'postgresql', 'shop'"), **packages) == ""
    assert look(text.format("'sqlite', ':memory:'"), **packages).startswith("connection")


NUMPY = """
class Generator:
    def __init__(self, bits):
        self.bit_generator = bits
class Bits:
    made = 0
    def __init__(self, entropy=1 << 100):
        self.seed_seq = entropy and type("Seed", (), {"entropy": entropy})
        Bits.made += 1
        self.state = Bits.made
class mtrand:
    class _rand:
        _bit_generator = Bits()
"""


def test_numbers_at_random_differ_between_workers_unless_the_application_seeded_them(look):
    text = """
import numpy.random as r
own, seeded, legacy = r.Bits(), r.Bits(42), r.Bits(None)
kept = [r.Generator(b) for b in (own, seeded, legacy)]
"""
    ask = """
def states():
    return [b.state for b in (shop.r.mtrand._rand._bit_generator, shop.own, shop.seeded,
                              shop.legacy)]
old = states()
cures.in_worker()
print([a == b for a, b in zip(old, states())])
"""
    said = look(text, ask=ask, numpy_random=NUMPY)
    assert said == "[False, False, True, True]"


RANDOM = """
import random, time
class Own(random.Random):
    pass
MADE = [random.Random(), Own(), random.Random(time.time()), random.Random(time.time_ns()),
        random.Random(os.getpid()), random.Random(os.urandom(16)), random.Random(1 << 99),
        random.Random(42), random.Random("a name"), random.Random(b"salt"),
        random.Random(time.time() - 10**6)]
again, copied = random.Random(), random.Random()
again.seed(7)
copied.setstate(MADE[7].getstate())
system = random.SystemRandom()
MADE += [again, copied]
"""


def test_generators_of_random_differ_too_unless_they_were_seeded_on_purpose(look):
    ask = """
import random
old = [one.getstate() for one in shop.MADE]
seeds.in_worker()
print([one.getstate() == state for one, state in zip(shop.MADE, old)])
print(random.Random.seed.__module__, seeds._generators, shop.system.random() < 1)
"""
    said = look(RANDOM, ask=ask).splitlines()
    assert said[0] == str([False] * 7 + [True] * 6)
    assert said[1] == "random {} True"


def test_temporary_directories_are_removed_by_one_process_only(look):
    text = "import tempfile\nd = tempfile.TemporaryDirectory(dir=HERE)"
    ask = """
import atexit, shop
if os.fork() == 0:
    cures.in_worker()
    atexit._run_exitfuncs()
    del shop.d
    os._exit(0)
os.wait()
name = shop.d.name
print(os.path.isdir(name))
cures.at_end()
print(os.path.isdir(name))
"""
    assert look(text, ask=ask).split() == ["True", "False"]


def test_the_end_of_a_zygote_removes_named_temporary_files(look):
    text = "import tempfile\nf = tempfile.NamedTemporaryFile(dir=HERE)"
    ask = "cures.at_end()\nprint(os.path.exists(shop.f.name))"
    assert look(text, ask=ask).endswith("False")
