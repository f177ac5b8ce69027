# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real Chromium: what it shows is what the scoreboard says, on small
screens and in the dark as well. The states that it can be in are in test_states.

MONODON_SCREENSHOTS names a directory for pictures of it.
"""

import os
import signal

import pytest

from support.client import request
from support.dashboard import CONTRAST, cards, needs_chromium, says, served, shot
from support.traffic import Traffic

pytestmark = needs_chromium

CODE = """
import probe
from traffic_site import application_of
traffic = application_of({version})
def application(environ, start_response):
    if environ["PATH_INFO"].startswith("/traffic"):
        return traffic(environ, start_response)
    if environ["PATH_INFO"].startswith("/gate/"):
        environ["PATH_INFO"] = "/gate"
    return probe.application(environ, start_response)
"""


@pytest.fixture(name="server")
def fixture_server():
    server = served("here:application", config={"workers": 4, "threads": 2,
                                                "restart_pause": 30}, expect=["SIGABRT"])
    server.write("here.py", CODE.format(version=1))
    with server:
        server.await_workers(4)
        server.wait(lambda: says(server), "the exporter")
        yield server


def test_the_page_shows_what_the_scoreboard_says(server, browser):
    browser.look(1280)
    browser.open(server.page)
    with server.connect() as connection:
        connection.send(request(target="/gate?secret=1", x_forwarded_for="203.0.113.7"))
        held = server.gates.arrived("gate")
        for _ in range(7):
            server.get("/pid")
        server.get("/fail")
        server.expect.append("application raised")
        victim = next(s for s in server.control({"op": "status"})["slots"]
                      if s.get("pid") != held.pid)
        os.kill(victim["pid"], signal.SIGABRT)
        browser.until(lambda: "resting" in cards(browser)[victim["slot"]][1], "the crash")
        browser.until(lambda: browser.text("requests") == "9", "all requests")
        said = says(server)
        assert browser.text("application") == said["application"] == "here:application"
        assert browser.text("state") == "ready" and said["ready"]["good"]
        assert browser.text("threads") == str(said["threads"]) == "6"
        assert browser.text("running") == "1" and browser.text("trouble") == ""
        assert browser.text("failures") == str(said["totals"]["failed"]) == "1"
        assert browser.text("crashes") == str(said["totals"]["crashes"]) == "1"
        assert browser.text("workers").startswith("3 of 4 serve")
        queue, = said["queues"]
        assert queue["listener"] in browser.text("queue")
        for slot in said["slots"]:
            classes, texts = cards(browser)[slot["slot"]]
            assert f"Slot {slot['slot']}" in texts
            if slot["pid"]:
                assert f"pid {slot['pid']}" in texts and f"generation {slot['generation']}" in texts
            busy = slot["pid"] == held.pid
            assert ("busy" in classes and "GET /gate" in texts
                    and "from 203.0.113.7" in texts) == busy
        assert f"pid {victim['pid']}" in browser.text("events")
        assert "secret" not in browser.run("return document.documentElement.outerHTML")
        held.release()
        connection.response()
    browser.until(lambda: browser.text("running") == "0", "the end of the request")


def test_rates_and_a_reload_are_seen_live(server, browser):
    browser.look(1280)
    browser.open(server.page)
    with Traffic(server.address, rate=80, prefix="/traffic", slow=9) as traffic:
        def rate():
            text = browser.text("rate").replace(",", "")
            return text != "–" and abs(float(text) - 80) < 16
        browser.until(rate, "80 requests a second")
        server.write("here.py", "import gates\ngates.wait('import')\n" + CODE.format(version=2))
        server.send_signal(signal.SIGHUP)
        held = server.gates.arrived("import")
        browser.until(lambda: browser.text("reload") == "importing generation 2", "the import")
        shot(browser, "reload")
        held.release()
        browser.until(lambda: "generation 2" in browser.text("about")
                      and browser.text("reload") == "none", "the new generation")
        assert browser.text("last").startswith("last ")
    assert traffic.clean, traffic.report


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [380, 1280])
def test_it_fits_and_can_be_read(server, browser, width, dark):
    browser.look(width, dark=dark)
    browser.open(server.page)
    with server.connect() as connection:
        connection.send(request(target="/gate/" + "a-rather-long-path/" * 20 + "?x",
                                x_forwarded_for="2001:db8:1234:5678:9abc:def0:1234:5678"))
        held = server.gates.arrived("gate")
        os.kill((set(server.workers()) - {held.pid}).pop(), signal.SIGABRT)
        browser.until(lambda: "a-rather-long-path" in browser.text("slots"), "the request")
        browser.until(lambda: "resting" in browser.text("slots"), "a slot that rests")
        shot(browser, f"{width}-{'dark' if dark else 'light'}")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        ratio, text = browser.run(CONTRAST)
        assert ratio >= 4.5, f"{text!r} has a contrast of {ratio:.1f}"
        background = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, background[4:-1].split(","))) < 64) == dark, background


def test_a_server_that_is_gone_is_told(server, browser):
    browser.open(server.page)
    browser.until(lambda: browser.text("state") == "ready", "the page")
    server.stop()
    browser.until(lambda: browser.text("trouble").startswith("No news since"), "the trouble")
    assert browser.text("state") == "no news" and "no news" in browser.title()
    # Nothing is green any more.
    assert browser.run("return getComputedStyle(document.querySelector('main')).filter") \
        == "grayscale(1)"
    shot(browser, "stale")
