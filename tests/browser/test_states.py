# SPDX-License-Identifier: Apache-2.0
"""The states that the dashboard can be in, each brought about in a real server: what a
person reads there, and that it can be read, selected and reached with the keyboard."""

import os
import signal

import pytest

from support.client import request
from support.dashboard import CONTRAST, await_looks, needs_chromium, says, served, shot

pytestmark = needs_chromium

GOOD = "from probe import application\n"


def begin(server, browser, workers, width=1280, dark=False):
    """Opens its page; to be called where the server runs."""
    if workers:
        server.await_workers(workers)
    server.wait(lambda: says(server), "the exporter")
    browser.look(width, dark=dark)
    browser.open(server.page)
    browser.until(lambda: browser.text("state") != "…", "the page")


def can_be_read(browser):
    ratio, text = browser.run(CONTRAST)
    assert ratio >= 4.5, f"{text!r} has a contrast of {ratio:.1f}"
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_server_with_all_threads_stuck_is_not_called_ready(browser):
    with served(config={"workers": 1, "threads": 2}) as server:
        begin(server, browser, 1)
        assert browser.text("state") == "ready" and browser.text("why") == "1 of 1 worker serves"
        browser.until(lambda: browser.text("slowest") == "no request ended in the last 30 s",
                      "the second look")
        kept = server.connect()
        assert kept.get("/pid").status == 200
        clients = [server.connect() for _ in range(3)]
        for client in clients:
            client.send(request(target="/gate"))
        held = [server.gates.arrived("gate") for _ in range(2)]
        browser.until(lambda: browser.text("state") == "saturated", "the saturation")
        browser.until(lambda: browser.text("why").endswith("; 1 connection waits"), "the queue")
        assert browser.text("inside") == "" and "1 at the socket" in browser.text("queue")
        kept.send(request(target="/pid"))
        browser.until(lambda: browser.text("why").endswith("; 2 connections wait"), "another")
        assert browser.text("waiting") == "2" and browser.text("inside") == "1 in workers"
        assert browser.text("why").startswith("all 2 threads are busy, the oldest request for")
        assert browser.title().startswith("saturated")
        shot(browser, "saturated")
        can_be_read(browser)
        for gate in held:
            gate.release()
        server.gates.arrived("gate").release()
        for client in [*clients, kept]:
            client.response()
            client.close()
        browser.until(lambda: browser.text("state") == "ready", "the end of it")


def test_what_is_selected_and_what_has_the_focus_stays(browser):
    with served(config={"workers": 2}) as server:
        begin(server, browser, 2)
        browser.run("""
            const texts = document.querySelectorAll("#slots .card")[1];
            getSelection().selectAllChildren(texts);
            document.querySelector("#map a").focus();""")
        selected = browser.run("return getSelection().toString()")
        assert "Slot 1" in selected and "pid" in selected
        server.get("/pid")
        await_looks(browser, 3)
        assert browser.run("return getSelection().toString()") == selected
        assert browser.run("return document.activeElement.getAttribute('aria-label')") \
            .startswith("slot 0:")
        # What is not selected goes on.
        assert browser.text("requests") == "1"
        browser.run("getSelection().selectAllChildren(document.querySelector('#events li'))")
        event = browser.run("return getSelection().toString()")
        os.kill(server.workers()[0], signal.SIGTERM)
        browser.until(lambda: "(serial 3" in browser.text("events"), "more events")
        assert browser.run("return getSelection().toString()") == event


def test_everything_can_be_reached_with_the_keyboard_and_has_a_name(browser):
    with served(config={"workers": 1}) as server:
        begin(server, browser, 1)
        browser.until(lambda: browser.run("return hour.rows.length > 0"), "the curves")
        seen = []
        browser.run("document.body.focus()")
        for _ in range(25):
            browser.press("Tab")
            seen.append(browser.run("""const e = document.activeElement;
                return [e.localName, e.getAttribute("aria-label") || e.textContent.trim()]"""))
        kinds = [kind for kind, _ in seen]
        assert kinds.count("svg") >= 6 and "summary" in kinds and "button" in kinds
        assert ["a", "slot 0: idle"] in seen
        assert all(name for kind, name in seen if kind not in ("body", "html"))
        assert any(name.startswith("Requests a second: ") for _, name in seen)
        browser.run("document.querySelector('#charts svg').focus()")
        browser.press("ArrowLeft")
        assert ":" in browser.run("return document.querySelector('#charts figcaption')"
                                  ".lastChild.textContent")


def test_why_a_reload_was_refused_is_a_click_away(browser):
    server = served("here:application", config={"workers": 1}, expect=["."])
    server.write("here.py", GOOD)
    with server:
        begin(server, browser, 1)
        assert not browser.is_shown("traceback")
        server.write("here.py", "raise ImportError('cannot connect to vault')\n")
        server.send_signal(signal.SIGHUP)
        browser.until(lambda: "refused, generation 2" in browser.text("last"), "the refusal")
        assert browser.text("reason") == "ImportError: cannot connect to vault"
        assert "generation 1 serves on" in browser.text("notices")
        assert browser.text("state") == "ready"
        browser.run("document.getElementById('traceback').focus()")
        browser.run("document.getElementById('traceback').click()")
        browser.until(lambda: "vault" in browser.text("box-text"), "the traceback")
        assert "here.py" in browser.text("box-text")
        shot(browser, "refused")
        can_be_read(browser)
        browser.press("Escape")
        browser.until(lambda: not browser.is_shown("box"), "the dialog to close")
        assert browser.run("return document.activeElement.id") == "traceback"
        browser.run("document.querySelector('.slot button').click()")
        browser.until(lambda: "[main]" in browser.text("box-text"), "the stacks")
        shot(browser, "stacks")


def test_where_stacks_are_not_shown_the_page_names_the_command(browser):
    server = served("here:application", expect=["."],
                    config={"workers": 1, "dashboard": "brief"})
    server.write("here.py", GOOD)
    with server:
        begin(server, browser, 1)
        server.write("here.py", "raise ImportError('cannot connect to vault')\n")
        server.send_signal(signal.SIGHUP)
        browser.until(lambda: "refused" in browser.text("last"), "the refusal")
        assert "monodon status" in browser.text("reason") and not browser.is_shown("traceback")
        assert "monodon trace SLOT" in browser.text("elsewhere")
        assert browser.is_shown("elsewhere")
        assert "vault" not in browser.run("return document.body.innerText")
        assert browser.run("return [...document.querySelectorAll('.slot button')]"
                           ".every(b => !b.getClientRects().length)")


@pytest.mark.parametrize("outcome, config", [
    ("rolled back", {"observe": 60}), ("fell back", {"fallback": 60})])
def test_code_that_does_not_last_is_told(browser, outcome, config):
    with served(config={"workers": 1, "restart_pause": 0.05, "restart_pause_longest": 0.05,
                        **config}, expect=["."]) as server:
        begin(server, browser, 1, dark=outcome == "fell back")
        server.send_signal(signal.SIGHUP)
        browser.until(lambda: "generation 2" in browser.text("slots"), "the new worker")
        if outcome == "rolled back":
            browser.until(lambda: browser.text("reload") == "generation 2 is watched", "step")
            shot(browser, "observing")
        else:
            browser.until(lambda: "committed, generation 2" in browser.text("last"), "commit")
        def crashed():
            with server.connect() as connection:
                connection.send(request(target="/abort"))
                connection.closed()
            return outcome in browser.text("last")
        browser.until(crashed, outcome)
        browser.until(lambda: "generation 1 serves again" in browser.text("notices"), "notice")
        assert "SIGABRT" in browser.text("reason") and "GET /abort" in browser.text("events")
        shot(browser, outcome.replace(" ", "-"))
        can_be_read(browser)


def test_workers_that_fail_again_and_again_are_told_with_the_cause(browser):
    with served(config={"workers": 2, "restart_pause": 1}, expect=["."]) as server:
        begin(server, browser, 2)
        def failed():
            slot = says(server)["slots"][0]
            if slot["pid"] and slot["state"] == "serving":
                try:
                    os.kill(slot["pid"], signal.SIGABRT)
                except ProcessLookupError:
                    pass
            return slot["failures"] >= 3
        server.wait(failed, "three failures", 30)
        browser.until(lambda: "fail again and again" in browser.text("notices"), "the notice")
        browser.until(lambda: "next try in" in browser.text("slots"), "the slot")
        assert "SIGABRT" in browser.text("slots") and "killed by a signal" in browser.text("exits")
        shot(browser, "crash-loop")
        can_be_read(browser)


def test_a_server_that_is_not_ready_says_why(browser):
    with served(config={"workers": 1, "ready_workers": 2}) as server:
        begin(server, browser, 1)
        assert browser.text("state") == "not ready"
        assert browser.text("why") == "1 of 1 worker serves; 2 are needed"
        shot(browser, "not-ready")


def test_a_server_that_has_nothing_yet_has_a_page(browser):
    server = served("here:application", config={"workers": 1})
    server.write("here.py", "import gates\ngates.wait('import')\n" + GOOD)
    server.start = lambda: server.spawn() or server  # which does not wait for READY=1
    with server:
        held = server.gates.arrived("import")
        begin(server, browser, 0)
        assert browser.text("state") == "starting"
        browser.until(lambda: browser.text("reload") == "importing generation 1", "the import")
        assert browser.text("zone").endswith("none yet")
        shot(browser, "empty")
        can_be_read(browser)
        held.release()
        browser.until(lambda: browser.text("state") == "ready", "the start")


def test_of_many_workers_the_page_shows_those_to_look_at(browser):
    with served(config={"workers": 64, "threads": 1}) as server:
        server.await_workers(64, timeout=60)
        begin(server, browser, 0)
        browser.until(lambda: browser.text("workers").startswith("64 of 64 serve"), "all")
        shown = """return [...document.querySelectorAll(".slot")]
                   .filter(card => card.getClientRects().length).map(card => card.id)"""
        assert browser.run(shown) == []
        with server.connect() as connection:
            connection.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            browser.until(lambda: len(browser.run(shown)) == 1, "the one that is busy")
            shot(browser, "many")
            can_be_read(browser)
            browser.run("document.querySelector('#map a:nth-child(8)').click()")
            browser.until(lambda: "slot7" in browser.run(shown), "the one that was asked for")
            browser.run("document.getElementById('all').click()")
            assert len(browser.run(shown)) == 64
            held.release()
            connection.response()


def test_without_javascript_there_is_a_table(browser):
    with served(config={"workers": 2}) as server:
        begin(server, browser, 2)
        browser.look(380)
        browser.allow_scripts(False)
        try:
            browser.open(server.page)
            text = browser.run("return document.body.innerText")
            assert "ready: 2 of 2 workers serve" in text and "Workers" in text
            assert not browser.is_shown("live")
            assert browser.run("return document.querySelectorAll('table').length") >= 3
            shot(browser, "plain")
            can_be_read(browser)
        finally:
            browser.allow_scripts(True)
