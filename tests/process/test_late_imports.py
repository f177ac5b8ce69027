# SPDX-License-Identifier: Apache-2.0
"""A Django site with default settings: wsgi.py alone never imports a view, and what a
worker imports later comes from a disk that the next deploy has changed by then.
"""

import contextlib
import os
import re
import signal
import subprocess

import pytest
from support import django_site, paths, proc
from support.client import Truncated
from support.traffic import Traffic
from support.versions import begin, finish, reload, version_of

BROKEN = {
    "views": ("def broken(:", "SyntaxError"),
    "urls": ("import no_such_module", "No module named 'no_such_module'"),
    "settings": ("ROOT_URLCONF = 'monodon_site.nothing'", "monodon_site.nothing"),
}


def load(server):
    """Clients that count every wrong answer; a busy machine may be slow."""
    return Traffic(server.address, rate=40, slow=60.0, timeout=60.0)


def check(server):
    """`monodon check` of the configuration that the server runs with."""
    return subprocess.run(
        [paths.MONODON, "check", "-c", server.path("monodon.yaml"), server.app],
        env=server.environment, cwd=server.scratch, capture_output=True, text=True,
        timeout=60, check=False)


def kill_all(server):
    """Every worker that serves now, one after the other."""
    for pid in server.await_workers(2):
        os.kill(pid, signal.SIGKILL)
        server.await_workers(2, without=[pid], timeout=20)


@pytest.mark.parametrize("module, preload", [*((module, None) for module in BROKEN),
                                             ("views", False)])
def test_what_the_first_request_would_import_is_imported_by_the_reload(module, preload):
    lines, reason = BROKEN[module]
    with django_site.site(expect=["refused|serves on|ended, |load the application"], config={"preload": preload}) as server:
        with load(server) as traffic:
            django_site.write(server, 2, **{module: lines})
            checked = check(server)
            assert checked.returncode == 3 and reason in checked.stderr, checked.stderr
            status, _, err = reload(server)
            assert status == 1 and reason in err and "URLconf" in err, err
            django_site.write(server, 3)
            assert reload(server)[0] == 0
            traffic.from_now(3)
        assert traffic.clean, traffic.report


def test_old_workers_stay_right_after_a_refusal_when_every_one_of_them_was_killed():
    with django_site.site(expect=["refused|serves on|died|SIGKILL"]) as server:
        django_site.write(server, 2, views="def broken(:")  # before any request was made
        assert reload(server)[0] == 1
        kill_all(server)
        with load(server) as traffic:
            traffic.from_now(1)
        assert traffic.clean, traffic.report
        assert version_of(server) == 1


CRASHES = """
import os
good = traffic
def traffic(request):
    if not request.environ.get("monodon.rehearsal"):
        os.abort()
    return good(request)
"""
DEFAULT = {"observe": None, "fallback": None, "rehearse": None}


def test_after_a_roll_back_too_though_the_disk_has_broken_code():
    with django_site.site(config=DEFAULT, expect=["."]) as server:
        server.await_workers(2)
        django_site.write(server, 2, views=CRASHES)
        going = begin(server)
        server.await_log("generation 2 takes over", timeout=30)
        while going.poll() is None:
            with contextlib.suppress(OSError, Truncated):
                server.get("/?n=1")
        status, _, err = finish(going)
        assert status == 1 and err.startswith("monodon reload: rolled back: "), err
        django_site.write(server, 2, views="def broken(:")
        kill_all(server)
        with load(server) as traffic:
            traffic.from_now(1)
        assert traffic.clean, traffic.report


def only(found):
    return found[0] if len(found) == 1 else None


def test_a_zygote_that_is_started_again_brings_no_broken_code_in_while_others_serve():
    with django_site.site(expect=["."]) as server:
        old = server.await_workers(2)
        django_site.write(server, 2, views="def broken(:")
        assert reload(server)[0] == 1
        # That of the refused code is on its way out.
        zygote = server.wait(lambda: only([pid for pid in proc.children(server.process.pid)
                                           if "zygote" in proc.title(pid)]), "one zygote")
        os.kill(zygote, signal.SIGKILL)
        server.await_log("cannot import the application any more: .*SyntaxError")
        os.kill(old[0], signal.SIGKILL)
        server.await_log(f"pid {old[0]}.* was killed by SIGKILL")
        assert {version_of(server) for _ in range(10)} == {1}
        status = subprocess.run([paths.MONODON, "status", "--control",
                                 server.path("control.sock")], capture_output=True,
                                text=True, check=True).stdout
        assert re.search("no new worker of generation 1 can be started, .*: SyntaxError",
                         status), status
        django_site.write(server, 1)
        server.await_workers(2, without=[old[0]], timeout=30)
        assert {version_of(server) for _ in range(10)} == {1}


@pytest.mark.parametrize("preload", [None, False])
def test_a_first_start_tells_of_a_broken_urlconf_and_starts_as_under_gunicorn(preload):
    server = django_site.site(expect=["cannot be imported"], config={"preload": preload})
    django_site.write(server, 1, views="def broken(:")
    with server:
        server.await_log(r"\[ERROR\].*Django's URLconf cannot be imported")
        assert any("SyntaxError" in line for line in server.log.lines)
        server.expect.append("application raised")
        assert server.get("/?n=1").status == 500
        django_site.write(server, 2)
        assert reload(server)[0] == 0
        assert version_of(server) == 2


TAGS = """
TEMPLATES[0]["OPTIONS"] = {"libraries": {"shop": "%s"}}
"""


@pytest.mark.parametrize("preload", ["auto", False])
def test_templates_are_judged_where_the_application_is_to_blame_and_told_elsewhere(preload):
    with django_site.site(expect=["refused|serves on"], config={"preload": preload}) as server:
        server.await_workers(2)  # each imports by itself without preload
        django_site.add(server, "tags", "def broken(:")
        django_site.write(server, 2, settings=TAGS % "monodon_site.tags")
        status, _, err = reload(server)
        assert status == 1 and "Django's templates" in err and "SyntaxError" in err, err
        django_site.write(server, 2, settings='TEMPLATES[0]["BACKEND"] = "no.such.Backend"')
        status, _, err = reload(server)
        assert status == 1 and "No module named 'no'" in err, err
        django_site.write(server, 3, settings=TAGS % "no_such_library.tags")
        assert reload(server)[0] == 0
        server.await_log(r"\[WARNING\].*Django's templates cannot be used")
        assert version_of(server) == 3
