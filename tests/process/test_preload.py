# SPDX-License-Identifier: Apache-2.0
"""Applications whose import does what a fork breaks, with default settings: they must be
answered as where each worker imports by itself, which is then what is done, and told. And
those that only look like it share one import.
"""

import contextlib
import os
import signal
import socketserver
import subprocess
import threading

import pytest
from support import paths, proc
from support.server import Server
from support.versions import reload
from test_late_imports import check, load

# The traffic's answers, after `work()` has proved that what the import made works.
COMMON = """
import os, queue, socket, threading
from traffic_site import application_of
answer = application_of({version})
HERE = os.path.dirname(__file__)
{text}
def application(environ, start_response):
    work()
    return answer(environ, start_response)
"""
QUEUE = """
jobs = queue.Queue()
def deliver():
    while True:
        jobs.get().set()
def work():
    done = threading.Event()
    jobs.put(done)
    assert done.wait(20), "nobody delivers"
"""
WORKS_BY_ITSELF = {
    # As a database's: who shares one reads the answer to another's question.
    "a connection": ("""
connection = socket.create_connection(("127.0.0.1", int(os.environ["DATABASE"])))
file, lock = connection.makefile("rwb"), threading.Lock()
def work():
    with lock:
        mine = os.urandom(8).hex().encode() + b"\\n"
        file.write(mine)
        file.flush()
        assert file.readline() == mine, "another's answer"
""", "connection to 127.0.0.1:"),
    "a thread": (QUEUE + "threading.Thread(target=deliver, name='mailer', daemon=True).start()",
                 "thread 'mailer' (site_code.deliver)"),
    "a timer": (QUEUE + """
timer = threading.Timer(0.01, deliver)
timer.daemon = True
timer.start()
""", "thread Timer of site_code.deliver"),
    "a listener of logging": ("""
import logging.handlers
seen, records = threading.Event(), queue.Queue()
class Sink(logging.Handler):
    def emit(self, record):
        seen.set()
listener = logging.handlers.QueueListener(records, Sink())
listener.start()
def work():
    seen.clear()
    logging.handlers.QueueHandler(records).emit(logging.makeLogRecord({{}}))
    assert seen.wait(20), "the record is lost"
""", "thread logging.handlers.QueueListener._monitor"),
    "an event loop": ("""
import asyncio
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
async def double(number):
    return 2 * number
def work():
    assert asyncio.run_coroutine_threadsafe(double(2), loop).result(20) == 4
""", "thread asyncio.base_events.BaseEventLoop.run_forever"),
    "a pool of threads": ("""
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
pool.submit(int).result()
def work():
    assert pool.submit(int).result(20) == 0
""", "thread 'ThreadPoolExecutor-0_0'"),
    "a lock that a thread holds": ("""
lock, held = threading.Lock(), threading.Event()
def hold():
    with lock:
        held.set()
        threading.Event().wait(2)  # longer than what ends by itself is waited for
threading.Thread(target=hold, daemon=True).start()
held.wait()
def work():
    assert lock.acquire(timeout=20)
    lock.release()
""", "thread site_code.hold"),
    "an archive that stays open": ("""
import zipfile
own = f"{{HERE}}/{{os.getpid()}}.zip"  # of this import: each worker makes one
with zipfile.ZipFile(own, "w") as made:
    for number in range(50):
        made.writestr(str(number), str(number) * 5000)
archive, numbers = zipfile.ZipFile(own), iter(range(10**9))
def work():
    number = str(next(numbers) % 50)
    assert archive.read(number) == number.encode() * 5000
""", "file open for reading, "),
    "a pool of processes": ("""
from concurrent.futures import ProcessPoolExecutor
pool = ProcessPoolExecutor(1)
pool.submit(int).result()
def work():
    assert pool.submit(abs, -1).result(20) == 1
""", "thread"),
    # Its queues: a worker would take the result of a process of another's.
    "a pool of processes that was not used yet": ("""
from concurrent.futures import ProcessPoolExecutor
pool = ProcessPoolExecutor(1)
def work():
    assert pool.submit(abs, -1).result(20) == 1
""", "pipes of "),
    "a pair of sockets": ("""
here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
lock = threading.Lock()
def work():
    mine = os.urandom(8)
    with lock:
        here.send(mine)
        assert there.recv(8) == mine, "another's answer"
""", "pair of sockets with descriptor "),
    "a lock of multiprocessing": ("""
import multiprocessing
lock = multiprocessing.Lock()
def work(): lock.acquire(timeout=20) and lock.release()
""", "lock of multiprocessing (Lock)"),
    "a manager": ("""
import multiprocessing
manager = multiprocessing.Manager()
shared = manager.dict()
def work():
    shared["x"] = os.getpid()
    assert shared["x"] == os.getpid()
""", "child process "),
}
SHARES = {
    "a file that is mapped": """
import mmap
own = f"{{HERE}}/{{os.getpid()}}.data"  # of this import: another may read the one before
with open(own, "wb") as made:
    made.write(b"x" * 5000)
with open(own, "rb") as opened:
    data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
def work():
    assert data[4999] == 120
""",
    # As the monitors of a MongoClient that was closed.
    "a thread that ends in a moment, with its connection": """
connection = socket.create_connection(("127.0.0.1", int(os.environ["DATABASE"])))
def end(mine):
    threading.Event().wait(0.25)
    mine.close()
threading.Thread(target=end, args=(connection,), daemon=True).start()
del connection
def work():
    pass
""",
    "nothing": "def work(): pass",
    "a temporary directory": """
import tempfile
directory = tempfile.TemporaryDirectory(dir=HERE)
def work():
    assert os.path.isdir(directory.name), "it is gone"
""",
    "a thread that a hook revives": QUEUE + """
def revive():
    global jobs
    jobs = queue.Queue()
    threading.Thread(target=deliver, name="exporter", daemon=True).start()
revive()
os.register_at_fork(after_in_child=revive)
""",
    "a socket of a log": """
import logging.handlers
syslog = logging.handlers.SysLogHandler(("127.0.0.1", int(os.environ["DATABASE"])))
def work():
    syslog.emit(logging.makeLogRecord({{}}))
work()
""",
}


class Database(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


@contextlib.contextmanager
def database():
    """Answers each line with itself."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Database) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextlib.contextmanager
def site(text, **options):
    with database() as port:
        server = Server("site_code:application", environment={"DATABASE": str(port)},
                        **options)
        write(server, text)
        with server:
            yield server


def write(server, text, version=1):
    server.write("site_code.py", COMMON.format(version=version, text=text.format()))


def loses_no_answer_while_workers_come_and_go(server, text):
    with load(server) as traffic:
        for pid in server.await_workers(2, timeout=30):
            os.kill(pid, signal.SIGTERM)
            server.await_workers(2, without=[pid], timeout=30)
        write(server, text, 2)
        status, _, err = reload(server)
        assert status == 0, err
        traffic.from_now(2)
    assert traffic.clean, traffic.report


@pytest.mark.parametrize("what", WORKS_BY_ITSELF)
def test_where_a_fork_would_break_it_each_worker_imports_by_itself(what):
    text, finding = WORKS_BY_ITSELF[what]
    with site(text) as server:
        line = server.await_log(r"\[INFO\].*each worker of generation 1 imports")
        assert finding in line, line
        told = server.status()["preload"]
        assert (told["setting"], told["shared"]) == ("auto", False)
        assert told["left_by_import"][0].startswith(finding)
        checked = check(server)
        assert checked.returncode == 0, checked.stderr
        assert "preload: each worker imports" in checked.stderr and finding in checked.stderr
        loses_no_answer_while_workers_come_and_go(server, text)
        assert not server.status()["preload"]["shared"]
        assert not [line for line in server.log.lines if "Traceback" in line]


@pytest.mark.parametrize("what", SHARES)
def test_where_a_fork_breaks_nothing_workers_share_one_import_and_nothing_is_told(what):
    with site(SHARES[what]) as server:
        assert server.status()["preload"] == {
            "setting": "auto", "shared": True, "left_by_import": []}
        checked = check(server)
        assert "preload: workers share one import" in checked.stderr, checked.stderr
        loses_no_answer_while_workers_come_and_go(server, SHARES[what])
        assert server.status()["preload"]["shared"]
        assert not [line for line in server.log.lines if "left by the import" in line]


def test_a_worker_leaves_without_waiting_for_threads_of_a_pool():
    with site("""
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
def work():
    pool.submit(threading.Event().wait, 60)
""", config={"graceful_timeout": 20}) as server:
        server.await_workers(2)
        for _ in range(8):
            assert server.get("/?n=1").status == 200
    # One that does not leave by itself is killed, which the log would tell.


def test_a_temporary_directory_goes_with_its_generation():
    with site(SHARES["a temporary directory"]) as server:
        def directories():
            return [name for name in os.listdir(server.scratch) if name.startswith("tmp")]
        first = directories()
        assert len(first) == 1
        assert reload(server)[0] == 0
        server.wait(lambda: len(directories()) == 1 and directories() != first,
                    "the end of the old one")
        server.stop()
        assert directories() == []


RANDOM = """
import random
dice = random.Random()
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "32")])
    return [b"%032x" % dice.getrandbits(128)]
"""


def test_no_two_workers_have_the_same_numbers_at_random():
    server = Server("site_code:application", config={"workers": 4})
    server.write("site_code.py", RANDOM)
    with server:
        server.await_workers(4)
        assert server.status()["preload"]["shared"]
        numbers = [server.get("/").body for _ in range(40)]
        assert len(set(numbers)) == 40


LOCK = """
import fcntl
guard = open(HERE + "/guard", "w")
fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
def work(): pass
"""


def test_a_lock_taken_at_import_is_held_by_one_worker_or_the_start_fails_as_with_gunicorn():
    with site(LOCK, config={"workers": 1}) as server:
        server.await_log("lock on .*/guard")
        assert server.get("/?n=1").status == 200
        worker, = server.workers()
        assert any("guard" in name for name in proc.descriptors(worker).values())
    server = Server("site_code:application", expect=["."])
    write(server, LOCK)
    server.spawn()
    # The other one dies of it; as under Gunicorn the start fails, unless one serves by then.
    server.watch.wait(lambda: any("BlockingIOError" in line for line in server.log.lines),
                      "the worker that has no lock")
    if server.process.poll() is None and server.serving():
        assert len(server.serving()) == 1
        server.stop()
    else:
        assert server.await_exit() == 3
    server.close()


def test_who_asks_for_the_fork_is_warned_and_gets_it():
    text = "threading.Thread(target=threading.Event().wait, name='m', daemon=True).start()\n"
    with site(text + "def work(): pass", arguments=["--preload"]) as server:
        server.await_log(r"\[WARNING\].*thread 'm' \(.*\) left by the import: it runs in no "
                         "worker; start it in post_fork")
        assert server.status()["preload"]["shared"]
        assert server.get("/?n=1").status == 200
    with site(text + "def work(): pass\ndef hook(info): pass",
              config={"post_fork": "site_code:hook"}) as server:
        server.await_log(r"\[WARNING\].*thread 'm'")
        assert server.status()["preload"]["shared"]
    with site(text + "def work(): pass", arguments=["--no-preload"]) as server:
        assert not server.status()["preload"]["shared"]
        assert not [line for line in server.log.lines if "thread 'm'" in line]


def test_status_for_people_says_what_is_lost_without_a_shared_import():
    with site(WORKS_BY_ITSELF["a thread"][0]) as server:
        said = subprocess.run(
            [paths.MONODON, "status", "--control", server.path("control.sock")],
            capture_output=True, text=True, timeout=60, check=True).stdout
        assert "each worker imports the application by itself, since its import leaves" in said
        assert "no old code is in memory" in said


def test_an_upgrade_keeps_the_decision_until_its_own_import_decides_anew():
    with site(WORKS_BY_ITSELF["a thread"][0]) as server:
        server.send_signal(signal.SIGUSR2)
        server.await_log("each worker of generation 2 imports", timeout=30)
        server.await_workers(2, timeout=30)
        assert not server.status()["preload"]["shared"]
        write(server, SHARES["nothing"], 2)
        assert reload(server)[0] == 0
        assert server.status()["preload"]["shared"]
