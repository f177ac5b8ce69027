# SPDX-License-Identifier: Apache-2.0
"""New code answers a few requests inside itself before it may serve, and is refused for
what the old code answers.
"""

import os
import re
import time

import pytest
from support import django_site, paths
from support.server import Server
from support.traffic import Traffic
from support.versions import CODE as CODE_OF_VERSION
from support.versions import begin, finish, reload, site, version_of, write
from test_late_imports import kill_all

ON = {"rehearse": None, "rehearse_timeout": 20}
DEFAULT = {"rehearse": None, "observe": None, "fallback": None}

# What is wrong with the code, and words of the reason.
BROKEN = {
    "it crashes at its first request": ("__import__('ctypes').string_at(0)", "SIGSEGV"),
    "it leaves": ("__import__('os')._exit(3)", "exit status 3"),
    "it raises": ("1/0", "ZeroDivisionError: division by zero"),
    "it returns text": ("return ['text']", "TypeError: a WSGI application must yield bytes"),
    "it says nothing": ("return None", "TypeError: "),
    "it answers 500": ("return no(start_response)", "it was answered with 500"),
    "it sends everybody to the same page again": (
        "start_response('301 Moved', [('Location', 'http://example.test/')]); return []",
        "it was answered with 301, a redirect to itself"),
}
CODE = """
def no(start_response):
    start_response("500 No", [("Content-Length", "0")])
    return []
good = application
def application(environ, start_response):
    if {when}:
        {what}
    return good(environ, start_response)
"""


def code(what, when="True"):
    return CODE.format(what=what, when=when)


@pytest.mark.parametrize("what", BROKEN)
def test_code_that_fails_at_its_first_request_is_refused_and_nobody_notices(what):
    line, reason = BROKEN[what]
    with site(config=DEFAULT, expect=["refused|serves on|SIGKILL"]) as server:
        server.await_workers(2)
        with Traffic(server.address, rate=50, slow=60.0, timeout=60.0) as traffic:
            write(server, 2, code(line))
            status, out, err = reload(server)
            assert status == 1, out
            assert err.startswith("monodon reload: refused: GET http://example.test/ fails in "
                                  "the new code, and the old code answers it: "), err
            assert reason in err.splitlines()[-1]
            assert version_of(server) == 1
            write(server, 3)
            assert reload(server)[0] == 0
            traffic.from_now(3)
        assert traffic.clean, traffic.report
        kill_all(server)
        assert version_of(server) == 3


def test_a_queued_reload_is_rehearsed_if_anybody_wants_that():
    with site(config=ON, expect=["refused|serves on"]) as server:
        server.await_workers(2)
        write(server, 2, "import gates\ngates.wait('import')")
        first = begin(server)
        held = server.gates.arrived("import")
        queued = []
        for arguments in ([], ["--no-rehearsal"]):
            queued.append(begin(server, *arguments))
            assert re.fullmatch(
                "another reload is under way: generation 2, begun .* ago, is being imported; "
                "boot_timeout ends that in .* at the latest. This one follows it\n",
                queued[-1].stdout.readline())
            server.wait(lambda: sum("the next one follows it" in line
                                    for line in server.log.lines) == len(queued), "its turn")
        write(server, 3, code("1/0"))
        held.release()
        assert finish(first)[0] == 0
        assert [finish(one)[0] for one in queued] == [1, 1]
        assert version_of(server) == 2


MIGRATED = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""
QUERY = """
from django.db import connection
def traffic(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT colour FROM shirts")
"""


def test_an_exception_of_several_lines_ends_with_its_first():
    with site(config=ON, expect=["refused|serves on"]) as server:
        write(server, 2, code("raise ValueError('no engine\\nTry one of\\n    these')"))
        status, _, err = reload(server)
        assert status == 1 and err.splitlines()[-1] == "ValueError: no engine", err
        assert "the old code answers it: ValueError: no engine\n" in err


def test_why_a_framework_answers_500_is_the_last_line():
    """A migration that was forgotten, say: Django has handled the exception by then."""
    with django_site.site(config=DEFAULT, expect=["refused|serves on"]) as server:
        server.await_workers(2)
        django_site.write(server, 2, settings=MIGRATED, views=QUERY)
        status, _, err = reload(server)
        assert status == 1
        assert err.splitlines()[-1] == "django.db.utils.OperationalError: no such table: shirts"
        assert 'views.py", line ' in err and "worker/python" not in err
        assert version_of(server) == 1


TURNS_AWAY = {
    "a wrong ALLOWED_HOSTS": "ALLOWED_HOSTS = ['elsewhere.test']\n"
                             "MIDDLEWARE = ['django.middleware.common.CommonMiddleware']",
    "an empty URLconf": "ROOT_URLCONF = 'monodon_site.nothing'",
}


@pytest.mark.parametrize("what", TURNS_AWAY)
def test_code_that_turns_everybody_away_is_refused(what):
    with django_site.site(config=ON, expect=["refused|serves on|Invalid HTTP_HOST"]) as server:
        django_site.add(server, "nothing", "urlpatterns = []")
        server.await_workers(2)
        assert version_of(server) == 1
        django_site.write(server, 2, settings=TURNS_AWAY[what])
        status, _, err = reload(server)
        assert status == 1, err
        assert re.search(r"is answered with 40[04] in the new code, and with 200 by the old "
                         "code; .*--no-rehearsal`$", err.splitlines()[-1]), err
        assert version_of(server) == 1
        assert reload(server, "--no-rehearsal")[0] == 0


def test_what_fails_with_the_old_code_as_well_refuses_nothing():
    down = code("raise OSError('the database is down')",
                f"__import__('os').path.exists({{}})")
    with site(config=ON, expect=["raised"]) as server:
        flag = repr(server.path("down"))
        write(server, 1, down.format(flag))
        assert reload(server)[0] == 0
        write(server, 2, down.format(flag))
        end = time.monotonic() + 0.3  # some looks at what is asked for
        while time.monotonic() < end:
            assert server.get("/", x_forwarded_for="192.0.2.1").status == 200
        open(server.path("down"), "w").close()
        status, out, err = reload(server)
        assert status == 0, err
        assert ("1 request rehearsed: 0 answered; GET http://example.test/ fails: OSError: the "
                "database is down, with the old code as well") in out
        warning = ("GET http://example.test/, which workers answered well lately, fails in the "
                   "new code, and now with the old code as well: OSError: the database is down")
        assert f"warning: {warning}\n" in out
        assert f"[WARNING] generation 3: {warning}" in "\n".join(server.log.lines)
        os.unlink(server.path("down"))
        assert version_of(server) == 2


def test_where_each_imports_by_itself_the_old_release_is_asked():
    """And where files were replaced in place there is no old code to ask."""
    config = {**ON, "preload": False, "python_path": [str(paths.APPS)]}
    server = Server("site_code:application", config=config, expect=["refused|serves on"])
    server.config["directory"] = server.path("current")

    def release(version, more="", point=True):
        os.makedirs(server.path(f"releases/{version}"), exist_ok=True)
        server.write(f"releases/{version}/site_code.py",
                     CODE_OF_VERSION.format(version=version, more=more))
        if point:
            os.symlink(f"releases/{version}", server.path("next"))
            os.rename(server.path("next"), server.path("current"))
    release(1)
    with server:
        release(2, code("1/0"))
        status, _, err = reload(server)
        assert status == 1 and err.splitlines()[-1] == "ZeroDivisionError: division by zero"
        assert version_of(server) == 1
        release(2)
        assert reload(server)[0] == 0
        release(2, code("1/0", "environ.get('monodon.rehearsal')"))
        status, out, err = reload(server)
        assert status == 0, err
        assert "with what is on the disk as well (the old code is in no memory)" in out


def test_what_fails_once_only_refuses_nothing():
    once = code("open(HERE, 'w').close() or 1/0",
                "environ.get('monodon.rehearsal') and not __import__('os').path.exists(HERE)")
    with site(config=ON) as server:
        write(server, 2, f"HERE = {server.path('once')!r}\n" + once)
        status, out, err = reload(server)
        assert status == 0, err
        assert "fails: ZeroDivisionError: division by zero, but not when it is asked" in out


def test_paths_that_several_clients_asked_for_are_rehearsed_and_no_others():
    with site(config=ON, expect=["refused|serves on|raised"]) as server:
        server.await_workers(2)
        def ask(target, **fields):
            for client in range(1, 4):
                end = time.monotonic() + 0.2  # some looks at what is asked for
                while time.monotonic() < end:
                    server.get(target, x_forwarded_for=f"192.0.2.{client}", **fields)
        ask("/popular?n=1")
        ask("/with-cookie", cookie="a=b")
        ask("/reset/MQ/c5h7kp-9a8b7c6d5e4f3a2b1c0d/")
        write(server, 2, code("1/0", "environ['PATH_INFO'] != '/'"))
        assert reload(server)[0] == 0
        write(server, 1)
        assert reload(server)[0] == 0

        ask("/popular")
        write(server, 2, code("1/0", "environ['PATH_INFO'] == '/popular'"))
        status, _, err = reload(server)
        assert status == 1
        assert "GET http://example.test/popular fails" in err, err
        assert err.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_the_operator_can_leave_it_out():
    with site(config=ON) as server:
        write(server, 2, code("1/0", "environ.get('monodon.rehearsal')"))
        assert reload(server, "--no-rehearsal")[0] == 0
        assert version_of(server) == 2
        server.write_config(rehearse="off")
        write(server, 3, code("1/0", "environ.get('monodon.rehearsal')"))
        assert reload(server)[0] == 0
        assert version_of(server) == 3


def test_a_rehearsal_is_told_to_the_application_and_to_nobody_else():
    more = ("import gates\ngood = application\n"
            "def application(environ, start_response):\n"
            "    if environ.get('monodon.rehearsal') is True:\n"
            "        gates.record('rehearsal', environ['HTTP_USER_AGENT'].split('/')[0])\n"
            "    return good(environ, start_response)\n")
    with site(config=ON | {"access_log": "access.log"}) as server:
        before = server.status()["totals"]["requests"]
        write(server, 2, more)
        status, out, _ = reload(server)
        assert status == 0 and "1 request rehearsed: it is answered" in out
        assert version_of(server) == 2
        with open(server.path("ledger"), encoding="utf-8") as ledger:
            line, = ledger.read().splitlines()
        assert line.split()[:2] == ["rehearsal", "monodon-rehearsal"]
        assert int(line.split()[2]) not in server.serving()
        assert server.status()["totals"]["requests"] == before + 1  # version_of


def test_a_request_that_does_not_end_is_no_failure():
    with site(config=ON | {"rehearse_timeout": 0.5}) as server:
        write(server, 2, code("__import__('time').sleep(999)",
                              "environ.get('monodon.rehearsal')"))
        status, out, err = reload(server)
        assert status == 0, err
        assert "1 request rehearsed: 0 answered, 1 not in time" in out
        assert version_of(server) == 2


def test_a_rehearsal_that_cannot_begin_says_why():
    with site(config=ON, expect=["refused|serves on|could not load"]) as server:
        write(server, 2, "def hook(info):\n    1/0\n")
        server.write_config(post_fork="site_code:hook")
        status, out, err = reload(server)
        assert status == 1, err
        assert ("1 request rehearsed: 0 answered, 1 without an answer: post_fork raised "
                "ZeroDivisionError: division by zero\n") in out


def test_a_child_that_the_application_leaves_behind_holds_up_no_reload():
    with site(config=ON | {"rehearse_timeout": 0.5}) as server:
        write(server, 2, code("__import__('subprocess').Popen(['sleep', '60'])",
                              "environ.get('monodon.rehearsal')"))
        assert reload(server)[0] == 0
        assert version_of(server) == 2
