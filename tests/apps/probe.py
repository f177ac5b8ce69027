# SPDX-License-Identifier: Apache-2.0
"""The application most tests use: does what the path says, and keeps the ledger.

The id of a request is the query parameter `id`. A path that is not listed answers with
what arrived, as JSON.
"""

import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse

import gates


def echo(environ, _arguments):
    body = environ["wsgi.input"].read()
    told = {k: v for k, v in environ.items() if isinstance(v, (str, bool, int))}
    told["body_length"] = len(body)
    told["body_hash"] = hashlib.sha256(body).hexdigest()
    return json.dumps(told).encode()


def unread(_environ, _arguments):
    return b"not read"


def gate(_environ, arguments):
    return gates.wait(arguments.get("name", "gate")).encode()


def pid(_environ, _arguments):
    return str(os.getpid()).encode()


def leave(_environ, arguments):
    sys.exit(int(arguments["status"]))


def leave_at_once(_environ, arguments):
    os._exit(int(arguments["status"]))


def crash(_environ, _arguments):
    ctypes.string_at(0)


def abort(_environ, _arguments):
    os.abort()


def fail(_environ, _arguments):
    raise ValueError("a mistake in a view")


def interrupt(_environ, _arguments):
    raise KeyboardInterrupt


def burn(_environ, arguments):
    # One call into C that lets go of the interpreter lock for as long as it takes.
    return hashlib.pbkdf2_hmac("sha256", b"a", b"b", int(arguments["rounds"])).hex().encode()


def spin(_environ, _arguments):
    gates.record("spin", "x")
    while True:
        pass


def stuck(_environ, _arguments):
    # Holds the interpreter lock inside C and never comes back, not even for a signal.
    gates.record("stuck", "x")
    mutex = ctypes.create_string_buffer(64)
    while True:
        ctypes.PyDLL(None).pthread_mutex_lock(mutex)


def big(_environ, arguments):
    return b"x" * int(arguments["size"])


def grow(_environ, arguments):
    HELD.append(bytearray(b"x") * int(arguments["size"]))
    return b"grown"


def file(environ, arguments):
    opened = open(f"{gates.DIRECTORY}/{arguments['name']}", "rb")
    return environ["wsgi.file_wrapper"](opened)


def talk(_environ, arguments):
    size = int(arguments["size"])
    print("o" * size)
    print("e" * size, file=sys.stderr)
    return b"said"


def descriptors(_environ, _arguments):
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout


def settled(_environ, _arguments):
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    told = {key: status[key].strip() for key in ("SigBlk", "SigIgn", "SigCgt", "Umask")}
    told.update(cwd=os.getcwd(), pipe=str(signal.getsignal(signal.SIGPIPE)),
                main=threading.current_thread() is threading.main_thread(),
                value=os.environ.get("PROBE_VALUE"))
    return json.dumps(told).encode()


def fork(_environ, _arguments):
    child = os.fork()
    if child == 0:
        os._exit(7)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode()


def keep_child(_environ, _arguments):
    # A grandchild that outlives the request, and whose parent never waits for it.
    child = os.fork()
    if child == 0:
        gates.wait("child")
        os._exit(0)
    return str(child).encode()


def start_threads(_environ, _arguments):
    for _ in range(8):
        threading.Thread(target=gates.wait, args=("thread",), daemon=True).start()
    return b"started"


HELD = []

PATHS = {
    "/unread": unread, "/gate": gate, "/pid": pid, "/exit": leave, "/_exit": leave_at_once,
    "/crash": crash, "/abort": abort, "/fail": fail, "/interrupt": interrupt,
    "/grow": grow, "/burn": burn, "/spin": spin, "/stuck": stuck, "/big": big, "/file": file, "/talk": talk,
    "/descriptors": descriptors, "/settled": settled, "/fork": fork,
    "/keep-child": keep_child, "/threads": start_threads,
}


def application(environ, start_response):
    arguments = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
    identity = arguments.get("id")
    if identity:
        gates.record("start", identity)
    body = PATHS.get(environ["PATH_INFO"], echo)(environ, arguments)
    if identity:
        gates.record("end", identity)
    length = [("Content-Length", str(len(body)))] if isinstance(body, bytes) else []
    start_response("200 OK", [("Content-Type", "text/plain"), *length])
    return [body] if length else body
