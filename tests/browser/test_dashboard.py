# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real Chromium: what it shows is what the scoreboard says.

MONODON_SCREENSHOTS names a directory for pictures of it, wide and narrow, light and dark.
"""

import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from support.client import request
from support.server import PATIENCE, Server

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def browse(url, profile, *flags):
    """Opens the page, lets it run for some polls, and returns what Chromium prints."""
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--user-data-dir={profile}", "--virtual-time-budget=4500", *flags, url],
        capture_output=True, text=True, timeout=90 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def text_of(page, name):
    found = re.search(rf'id="{name}"[^>]*>([^<]*)<', page)
    return found[1] if found else None


@pytest.fixture(name="shown")
def fixture_shown(tmp_path):
    """A server with one request that runs, the page as it was after some seconds, and what
    the server said meanwhile."""
    port = free_port()
    with Server(config={"threads": 2},
                environment={"MONODON_METRICS_BIND": f"127.0.0.1:{port}"}) as server:
        server.await_workers(2)
        for _ in range(5):
            server.get("/pid")
        with server.connect() as connection:
            connection.send(request(target="/gate?secret=1"))
            held = server.gates.arrived("gate")
            url = f"http://127.0.0.1:{port}/"
            page = browse(url, tmp_path, "--dump-dom")
            if directory := os.environ.get("MONODON_SCREENSHOTS"):
                for name, flags in {"wide": ["--window-size=1280,900"],
                                    "narrow": ["--window-size=420,1500"],
                                    "dark": ["--window-size=1280,900", "--force-dark-mode"],
                                    }.items():
                    browse(url, tmp_path, *flags, f"--screenshot={directory}/{name}.png")
            with server.connect(("127.0.0.1", port)) as asking:
                said = json.loads(asking.get("/dashboard.json").body)
            held.release()
            connection.response()
        yield page, said


def test_the_page_shows_what_the_scoreboard_says(shown):
    page, said = shown
    assert text_of(page, "application") == "probe:application"
    assert text_of(page, "state") == "ready"
    assert text_of(page, "requests") == str(said["totals"]["requests"]) == "6"
    assert text_of(page, "threads") == str(said["threads"]) == "4"
    assert text_of(page, "running") == "1"
    assert text_of(page, "trouble") == ""
    for slot in said["slots"]:
        card = re.search(rf'<div class="[^"]*" data-slot="{slot["slot"]}">.*?'
                         r'(?=<div class="card slot|</section>)', page, re.DOTALL)[0]
        assert f"pid {slot['pid']}" in card
        running = slot["running"]
        assert ("GET /gate" in card and "busy" in card) == bool(running)
    assert "secret" not in page
