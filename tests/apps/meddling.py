# SPDX-License-Identifier: Apache-2.0
"""An application whose threads go on with whatever a request gave them: while it runs, as
it ends, and long after. All that they say bears the name of the request it was for.
"""

import collections
import random
import sys
import threading
import urllib.parse

MEDDLERS = 4
kept = collections.deque(maxlen=12)


class Slow:
    """A size that lets other threads run before it says how large it is."""

    def __index__(self):
        for _ in range(200):
            pass
        return 3


def reasons():
    try:
        raise LookupError
    except LookupError:
        return sys.exc_info()


def meddle(dice):
    while True:
        try:
            name, environ, start_response, write = dice.choice(kept)
            body = environ["wsgi.input"]
            hints = environ.get("wsgi.early_hints", list)
            dice.choice([
                lambda: write(name * dice.choice([1, 50, 9000])),
                lambda: start_response("200 OK", [("X-Name", name.decode().strip())], reasons()),
                lambda: hints([("X-Name", name.decode().strip())]),
                lambda: environ["wsgi.errors"].write(""),
                lambda: body.read(Slow()), lambda: body.readline(Slow()),
                lambda: body.readlines(Slow()), lambda: next(body),
            ])()
        except (IndexError, RuntimeError, ValueError, AssertionError, OSError, LookupError,
                StopIteration):
            pass  # raising is all right


def start():
    for seed in range(MEDDLERS):
        threading.Thread(target=meddle, args=(random.Random(seed),), daemon=True).start()


def application(environ, start_response):
    if not kept:
        start()
    asked = urllib.parse.parse_qs(environ["QUERY_STRING"])
    name = asked["name"][0].encode() + b"\n"
    write = start_response("200 OK", [("X-Name", asked["name"][0])], reasons())
    kept.append((name, environ, start_response, write))
    environ["wsgi.input"].read(10)
    write(name)
    return (name * int(asked["lines"][0]) for _ in range(3))
