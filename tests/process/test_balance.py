# SPDX-License-Identifier: Apache-2.0
"""Kept-alive connections that came to one worker do not stay there while others rest."""

import collections
import os
import signal

from support.client import request
from support.server import Server

# Well below a millisecond, and with threads to spare if a busy machine makes it longer:
# so it is not the keeper that hands connections over, which it does for waits.
APP = """
import os, time

def application(environ, start_response):
    end = time.thread_time() + 0.0004
    while time.thread_time() < end:
        pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
"""


def test_connections_that_one_worker_took_spread_over_all():
    server = Server("mine:application", config={"workers": 2, "threads": 8})
    server.write("mine.py", APP)
    with server:
        working, resting = server.await_workers(2)
        os.kill(resting, signal.SIGSTOP)
        connections = [server.connect() for _ in range(8)]
        try:
            for connection in connections:
                connection.send(request())
                assert connection.response().body == b"%d" % working
        finally:
            os.kill(resting, signal.SIGCONT)

        # At first all are served by the one that has them.
        served = collections.Counter()
        for _ in range(400):
            for connection in connections:
                connection.send(request())
            served = collections.Counter(int(c.response().body) for c in connections)
            if served[resting] >= 3:
                break
        assert served[resting] >= 3, served
        for connection in connections:
            connection.close()
