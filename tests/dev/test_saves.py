# SPDX-License-Identifier: Apache-2.0
"""From a save to the first answer of the new code: the time of the import, and 100 ms."""

import statistics
import time

from support import paths
from support.server import PATIENCE, Server

IMPORT_S = 0.3
OVERHEAD_S = 0.1
SAVES = 9
CODE = """
import time
time.sleep({})
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{}"]
"""


def test_a_save_is_served_after_the_time_of_its_import_and_100_ms():
    server = Server(command=["dev", "saved:application", "--python", str(paths.PYTHON)],
                    expect=["."])
    server.write("saved.py", CODE.format(0, "first"))
    with server:
        delays = []
        for number in range(SAVES):
            server.write("saved.py", CODE.format(IMPORT_S, number))
            begin = time.monotonic()
            server.await_log(f"generation {number + 2} has taken over", 20)
            assert server.get("/").body == b"%d" % number
            delays.append(time.monotonic() - begin)
        over = [round(1000 * (delay - IMPORT_S)) for delay in delays]
        print(f"a save is served after the time of its import and {over} ms,"
              f" median {statistics.median(over):g}")
        assert statistics.median(delays) <= IMPORT_S + OVERHEAD_S * PATIENCE, over
