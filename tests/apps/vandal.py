# SPDX-License-Identifier: Apache-2.0
"""An application that writes into the memory of its own worker, where a wild pointer of an
extension module would: the page of the scoreboard, and the table of its own metrics.

    /corrupt?seed=N&pids=1,2   writes what the seed says (pids: numbers to try as well)
    /scribble?seconds=S        goes on writing, without rest, for so long
    /resize                    tries to make the memory shorter, longer and unsealed
    /grow                      looks for its neighbours behind the page, which is its death
"""

import ctypes
import fcntl
import os
import random
import re
import threading
import time
import urllib.parse

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mremap.restype = ctypes.c_void_p
LIBC.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]


def page():
    """(address, size) of this worker's page of the scoreboard."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        line, = [line for line in maps if "memfd:monodon-page" in line]
    begin, end = (int(number, 16) for number in line.split()[0].split("-"))
    return begin, end - begin


def value(choose, pids):
    """A number as a field may hold it: at the edges of what it can be, or a likely one."""
    now = time.monotonic_ns()
    return choose.choice([0, 1, 2, 2**31, 2**32 - 1, 2**63, 2**64 - 1, now, now - 10**9,
                          now + 10**12, choose.getrandbits(64), choose.getrandbits(10),
                          0x4141414141414141, 0x0a1b5b324a0a2200, *pids])


def corrupt(seed, pids):
    choose = random.Random(seed)
    address, size = page()
    words = size // 8
    # Field by field, one after the other; and, every fourth time, more than one.
    at = seed % words
    ctypes.memmove(address + at * 8, value(choose, pids).to_bytes(8, "little"), 8)
    if seed % 4 == 0:
        start = choose.randrange(size)
        block = choose.randbytes(choose.randint(1, size - start))
        ctypes.memmove(address + start, block, len(block))
    if seed % 64 == 0:
        ctypes.memset(address, choose.choice([0x00, 0xff, 0x41]), size)


def scribble(seconds, done):
    address, size = page()
    blocks = [os.urandom(size) for _ in range(16)] + [b"\xff" * size, b"\0" * size]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for block in blocks:
            ctypes.memmove(address, block, size)
    done.set()


def resize():
    """What could be done to the memory that others read: nothing, if all is well."""
    begin, size = page()
    name = f"/proc/self/map_files/{begin:x}-{begin + size:x}"
    ways = [(name, None)] if os.path.exists(name) else []
    ways += [(f"/proc/self/fd/{n}", int(n)) for n in os.listdir("/proc/self/fd")]
    done = []
    for path, fd in ways:
        try:
            if not re.search("memfd:monodon-(page|application)", os.readlink(path)):
                continue  # the others are this worker's alone
            own = os.open(path, os.O_RDWR)
        except OSError as error:
            done.append(f"{path}: {error}")
            continue
        for what in (lambda: os.ftruncate(own, 0), lambda: os.ftruncate(own, 1 << 30),
                     lambda: fcntl.fcntl(own, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)):
            try:
                what()
                done.append(f"{path}: done")
            except OSError as error:
                done.append(f"{path}: {error}")
        os.close(own)
    return "\n".join(done)


def grow():
    address, size = page()
    moved = LIBC.mremap(address, size, 64 * size, 1)  # MREMAP_MAYMOVE
    if moved in (None, 2**64 - 1):
        return "refused"
    ctypes.memset(moved + size, 0xff, 63 * size)
    return "done"


def application(environ, start_response):
    asked = {k: v[0] for k, v in urllib.parse.parse_qs(environ["QUERY_STRING"]).items()}
    said = str(os.getpid())
    if environ["PATH_INFO"] == "/corrupt":
        corrupt(int(asked["seed"]), [int(n) for n in asked.get("pids", "1").split(",")])
    elif environ["PATH_INFO"] == "/scribble":
        done = threading.Event()
        threading.Thread(target=scribble, args=(float(asked["seconds"]), done)).start()
    elif environ["PATH_INFO"] == "/resize":
        said = resize()
    elif environ["PATH_INFO"] == "/grow":
        said = grow()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said.encode()]
