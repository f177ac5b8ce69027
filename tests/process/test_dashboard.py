# SPDX-License-Identifier: Apache-2.0
"""What the exporter tells the dashboard, and whom it shows what the application says. How
that looks is in tests/browser."""

import json
import os
import signal

import pytest

from support import proc
from support.client import request
from support.prometheus import free_port
from support.scrape import ask, await_exporter, exporter_of, watched


def told(server, **fields):
    with server.connect(server.path("metrics.sock")) as connection:
        return json.loads(connection.get("/dashboard.json", **fields).body)


def reload(server):
    server.send_signal(signal.SIGHUP)


def broken(text):
    return f"def _connect():\n    raise ImportError({text!r})\n_connect()\n"


def test_stacks_and_tracebacks_are_for_who_is_on_the_machine():
    with watched(config={"workers": 1}) as server:
        await_exporter(server)
        where = server.path("metrics.sock")
        with server.connect() as connection:
            connection.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            stacks = ask(server, "/stacks/0")
            assert stacks.status == 200 and b"in gate" in stacks.body
            def asked(**fields):
                with server.connect(where) as one:
                    return one.get("/stacks/0", **fields)
            for fields in ({"x_forwarded_for": "203.0.113.7"}, {"via": "1.1 proxy"},
                           {"sec_fetch_site": "cross-site"}):
                assert asked(**fields).status == 403, fields
                assert b"monodon trace 0" in asked(**fields).body
            # The master sends some in a second, no more.
            server.wait(lambda: asked(sec_fetch_site="same-origin").status == 200, "stacks")
            held.release()
            connection.response()
        server.wait(lambda: b"there is no slot 7" in ask(server, "/stacks/7").body, "no")
        assert ask(server, "/stacks/-1").status == 404
        assert ask(server, "/reload").status == 404


def test_a_worker_that_cannot_answer_is_told_and_nobody_else_waits():
    with watched(config={"workers": 1}, expect=["."]) as server:
        pid, = server.await_workers(1)
        await_exporter(server)
        os.kill(pid, signal.SIGSTOP)
        server.wait(lambda: proc.state(pid) == "T", "the worker to stop")
        with server.connect(server.path("metrics.sock")) as first:
            first.send(request(target="/stacks/0"))
            # In its turn: when this one is answered, the first was read.
            server.wait(lambda: b"one at a time" in ask(server, "/stacks/0").body,
                        "the second to be sent away")
            assert ask(server, "/-/healthy").status == 200
            assert first.response().status == 504
        os.kill(pid, signal.SIGCONT)
        server.wait(lambda: ask(server, "/stacks/0").status == 200, "stacks")


def test_how_the_last_reload_ended_is_told_with_what_the_application_said():
    good = "from probe import application\n"
    server = watched("here:application", config={"workers": 1}, expect=["."])
    server.write("here.py", good)
    with server:
        await_exporter(server)
        assert told(server)["reload"]["outcome"] == ""
        server.write("here.py", broken("cannot connect to vault"))
        reload(server)
        server.wait(lambda: told(server)["reload"]["outcome"] == "refused", "the refusal")
        story = told(server)["reload"]
        assert story["reason"] == "ImportError: cannot connect to vault"
        assert story["last_generation"] == 2 and story["has_reason"]
        why = ask(server, "/reload").body.decode()
        assert "Traceback (most" in why and "in _connect" in why
        assert why.endswith("ImportError: cannot connect to vault\n")
        event = told(server)["events"][-1]
        assert event["text"] == "generation 2 was refused: ImportError: cannot connect to vault"
        assert "generation 1 serves on" in told(server)["notices"][0]
        # Not for those whom a proxy lets in.
        brief = told(server, x_forwarded_for="203.0.113.7")
        assert "vault" not in json.dumps(brief) and not brief["full"]
        # A new exporter knows it as well.
        os.kill(exporter_of(server), signal.SIGKILL)
        await_exporter(server)
        server.wait(lambda: told(server)["reload"]["outcome"] == "refused", "the news")
        server.write("here.py", "import gates\ngates.wait('import')\n" + good)
        reload(server)
        held = server.gates.arrived("import")
        story = told(server)["reload"]
        assert (story["step"], story["generation"]) == ("importing", 3)
        held.release()
        server.wait(lambda: told(server)["reload"]["outcome"] == "committed", "the commit")
        assert told(server)["notices"] == [] and not told(server)["reload"]["has_reason"]


@pytest.mark.parametrize("setting, full", [("full", True), ("brief", False), (None, False)])
def test_a_listener_that_others_can_reach_shows_all_only_if_it_is_told_to(setting, full):
    port = free_port()
    config = {"workers": 1} | ({"dashboard": setting} if setting else {})
    with watched(config=config,
                 environment={"MONODON_METRICS_BIND": f"0.0.0.0:{port}"}) as server:
        where = ("127.0.0.1", port)
        server.await_workers(1)
        def there():
            try:
                return ask(server, "/-/ready", where).status == 200
            except OSError:
                return False
        server.wait(there, "the exporter")
        assert json.loads(ask(server, "/dashboard.json", where).body)["full"] == full
        assert ask(server, "/stacks/0", where).status == (200 if full else 403)


def test_the_page_works_without_javascript_and_lets_nothing_foreign_in():
    with watched("probe:application", config={"workers": 2}) as server:
        await_exporter(server)
        server.await_workers(2)
        page = ask(server, "/")
        html = page.body.decode()
        plain = html[html.index("<body>"):html.index("</noscript>\n<div")]
        assert "<strong>ready</strong>: 2 of 2 workers serve" in plain
        assert plain.count("href=\"stacks/") == 2
        policy = page.header("Content-Security-Policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        nonce = policy.split("'nonce-")[1].split("'")[0]
        assert html.count(f'nonce="{nonce}"') == 2 and "${" not in html.split("<script")[0]
        assert "http:" not in html and "https:" not in html
        assert ask(server, "/favicon.svg").header("Content-Type") == "image/svg+xml"


def test_the_last_hour_is_kept_by_the_exporter():
    with watched("probe:application", config={"workers": 1}) as server:
        await_exporter(server)
        for _ in range(20):
            server.get("/pid")
        def rows():
            return json.loads(ask(server, "/history.json").body)["rows"]
        server.wait(lambda: rows() and rows()[-1][1] > 0 and rows()[-1][7], "requests, memory")
        row = rows()[-1]
        assert len(row) == 8 and row[3] is not None and row[4] >= row[3]
