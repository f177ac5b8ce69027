# SPDX-License-Identifier: Apache-2.0
"""What the kernel and the runtime expect of process 1."""

import time

from containers import BARE, HARDENED, Container, get
from support import proc
from support.traffic import Traffic
from support.until import until

# Each request leaves an orphan behind, which ends at once or lives on.
ORPHANS = """
import os, subprocess
from traffic_site import application as inner
def application(environ, start_response):
    if environ["PATH_INFO"].startswith("/orphan"):
        life = environ["PATH_INFO"].rpartition("/")[2]
        subprocess.run(["sh", "-c", f"sleep {life} & :"], check=True)
    return inner(environ, start_response)
"""


def code(tmp_path, text):
    """Options that lay other code over the image's."""
    path = tmp_path / "mysite.py"
    path.write_text(text, encoding="utf-8")
    return ["-v", f"{path}:/site/mysite.py:ro"]


def test_orphans_are_reaped(image, tmp_path):
    with Container(image, *HARDENED, *code(tmp_path, ORPHANS)) as container:
        container.await_ready()
        before = set(proc.children(container.pid))
        for _ in range(5):
            assert get(container.address, "/orphan/0.3?n=1").status == 200
        orphans = set(proc.children(container.pid)) - before
        assert len(orphans) == 5, "orphans are children of process 1"
        until(lambda: not orphans & set(proc.children(container.pid)), "the orphans to be reaped")


def test_an_application_that_cannot_be_imported_ends_the_container(image, tmp_path):
    with Container(image, *HARDENED, *code(tmp_path, "import nothing_of_that_name\n")) as broken:
        assert broken.await_end() not in (0, None)
        _, errors = broken.logs()
        assert "nothing_of_that_name" in errors


def test_hangup_reloads(image, tmp_path):
    options = code(tmp_path, "from traffic_site import application\n")
    with Container(image, *HARDENED, *options) as container:
        container.await_ready()
        with Traffic(container.address, may_close=True) as traffic:
            (tmp_path / "mysite.py").write_text(
                "from traffic_site import application_of\napplication = application_of(2)\n")
            container.kill("HUP")
            until(lambda: container.metric("monodon_reloads_total") == 1, "the reload's end", 30)
            traffic.from_now(2)
        assert traffic.clean, traffic.report


def test_a_stop_under_load_loses_nothing(image):
    """A client that goes elsewhere as soon as it is told so, and no sooner."""
    with Container(image, *BARE, stop_delay="3s") as container:
        container.await_ready()
        with Traffic(container.address, may_close=True, wait=0.05) as traffic:
            begun = time.monotonic()
            container.kill("TERM")
            until(lambda: not container.ready(), "the server to say that it stops")
            traffic.from_now(1)  # it is told, and still answered
        assert traffic.clean and traffic.report["requests"] > 20, traffic.report
        assert container.await_end() == 0
        assert time.monotonic() - begun > 3


def test_a_request_that_runs_is_finished(image):
    with Container(image, *HARDENED) as container:
        container.await_ready()
        with Traffic(container.address, kept=0, fresh=2, rate=2, wait=2, slow=5,
                     may_close=True, begin=60) as traffic:
            until(lambda: container.metric("monodon_requests_in_progress") > 0, "a request that runs")
            traffic.process.stdin.close()
            traffic.process.stdin = None
            container.kill("TERM")
        assert traffic.clean, traffic.report
        assert container.await_end() == 0
