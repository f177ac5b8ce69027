# SPDX-License-Identifier: Apache-2.0
"""The recipe of docs/operations.md for OpenTelemetry, word by word, with its real SDK and a
collector: spans are part of the proxy's trace, of every worker and also of its last request."""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import threading
from pathlib import Path

from support import paths
from support.server import Server

MANUAL = (paths.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RECIPE = re.search(r"```python\n(# tracing\.py\n.*?)```", MANUAL, re.DOTALL)[1]
WRAPPED = re.search(r"```python\n(# wsgi\.py\n.*?)```", MANUAL, re.DOTALL)[1]
SETTINGS = dict(re.findall(r"(?m)^(post_fork|pre_stop): (\S+)$", MANUAL))
SITE = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@contextlib.contextmanager
def collector(python):
    """(address, list that gets a dictionary for each span)"""
    process = subprocess.Popen([python, Path(__file__).with_name("collector.py")],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    address, spans = process.stdout.readline().strip(), []

    def read():
        for line in process.stdout:
            spans.append(json.loads(line))
    reader = threading.Thread(target=read)
    reader.start()
    yield address, spans
    process.stdin.close()
    process.wait(60)
    reader.join()


def traced(server):
    """Asks as a proxy that has begun a trace: its id."""
    trace = secrets.token_hex(16)
    answer = server.get("/page", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert answer.status == 200
    return trace


def test_the_recipe_for_opentelemetry_works_in_every_worker(python):
    with collector(python) as (address, spans):
        server = Server("traced:application", config={"workers": 2, **SETTINGS},
                        environment={"OTEL_EXPORTER_OTLP_ENDPOINT": address,
                                     "OTEL_BSP_SCHEDULE_DELAY": "200"},
                        expect=["killed by SIGKILL"])
        server.write_config(python=str(python))
        server.write("tracing.py", RECIPE)
        server.write("traced.py", SITE + WRAPPED)

        def arrived(wanted):
            return wanted <= {span["trace"] for span in spans}
        with server:
            # The thread that sends is started after the fork: nothing is shared, nothing told.
            assert server.status()["preload"]["shared"]
            asked = {traced(server) for _ in range(10)}
            server.wait(lambda: arrived(asked), "the spans", 30)
            old = server.await_workers(2)
            os.kill(old[0], signal.SIGKILL)
            server.await_workers(2, without=old[:1])
            asked |= {traced(server) for _ in range(10)}
            server.wait(lambda: arrived(asked), "the spans of another worker", 30)
            last = traced(server)
            server.stop(signal.SIGTERM)
        server.wait(lambda: arrived({last}), "what a worker had not sent at its end", 30)
        ours = [span for span in spans if span["trace"] == last]
        assert ours[0]["parent"] == "00f067aa0ba902b7" and ours[0]["service"] == "shop"
        assert ours[0]["path"] == "/v1/traces" and "GET" in ours[0]["name"]
