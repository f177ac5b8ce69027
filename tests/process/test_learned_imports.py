# SPDX-License-Identifier: Apache-2.0
"""What workers import late, the next generation imports before its first fork: so that a
reload finds it broken without a request, and old code does not need the disk for it.
"""

import os
import signal
import time

import pytest
from support import django_site
from support.versions import reload, version_of
from test_late_imports import check, kill_all, load


def learn(server, *names):
    """Has workers import the late module, and its zygote try it."""
    seen = len(server.log.lines)
    assert server.get("/late").status == 200
    for name in names or ["monodon_site.late"]:
        server.await_log(rf"imported after the fork: .*!?{name}", after=seen)
        server.await_log(f"imports that the next generation makes early: .*{name}",
                         after=seen, timeout=30)


def site(**options):
    return django_site.site(expect=["refused|serves on|died|SIGKILL"], **options)


def test_a_module_that_is_broken_by_a_deploy_refuses_it_without_a_request():
    with site() as server:
        learn(server)
        with load(server) as traffic:
            django_site.write(server, 2, late="def broken(:")
            status, _, err = reload(server)
            assert status == 1, err
            assert "monodon_site.late, which the serving code has imported" in err
            assert "SyntaxError" in err and "learned_imports: tell" in err
            traffic.from_now(1)
        assert traffic.clean, traffic.report


def test_a_module_that_no_trial_has_seen_yet_is_no_less_broken():
    """Where imports go on, trials become rarer; text that is no Python needs none."""
    with site() as server:
        for name in "one", "two":
            django_site.add(server, name, "")
        views = ("def page(request, name):\n"
                 "    importlib.import_module('monodon_site.' + name)\n"
                 "    return HttpResponse(name)\n")
        urls = "urlpatterns.append(path('page/<name>', views.page))\n"
        django_site.write(server, 1, views=views, urls=urls)
        assert reload(server)[0] == 0
        for name in "one", "two":
            seen = len(server.log.lines)
            assert server.get(f"/page/{name}").status == 200
            server.await_log(rf"imported after the fork: .*!monodon_site.{name}", after=seen)
            if name == "one":
                server.await_log("the next generation makes early: .*site.one", after=seen)
        django_site.add(server, "two", "def broken(:")
        status, _, err = reload(server)
        assert status == 1 and "monodon_site.two" in err and "SyntaxError" in err, err


@pytest.mark.parametrize("before", [1, 2, 5, 40])
def test_it_counts_whichever_request_has_imported_it(before):
    with site(config={"workers": 1}) as server:
        for _ in range(before):
            assert server.get("/").status == 200
        learn(server)
        kill_the_worker(server)  # forked from a zygote that has imported it
        django_site.write(server, 2, late="def broken(:")
        assert reload(server)[0] == 1
        kill_the_worker(server)
        assert server.get("/late").body == b"late 1"


def kill_the_worker(server):
    old, = server.workers()
    os.kill(old, signal.SIGKILL)
    server.await_workers(1, without=[old])


def test_old_code_has_in_memory_what_was_learned_before_it():
    with site() as server:
        learn(server)
        assert reload(server)[0] == 0
        django_site.write(server, 2, late="def broken(:")
        assert reload(server)[0] == 1
        kill_all(server)
        for _ in range(8):
            answer = server.get("/late")
            assert (answer.status, answer.body) == (200, b"late 1")


def test_the_first_generation_has_it_in_memory_as_soon_as_it_was_learned():
    with site() as server:
        learn(server)
        kill_all(server)  # forked from a zygote that has imported it
        django_site.write(server, 2, late="def broken(:")
        assert reload(server)[0] == 1
        kill_all(server)
        for _ in range(8):
            answer = server.get("/late")
            assert (answer.status, answer.body) == (200, b"late 1")
        assert not [line for line in server.log.lines if "mixture" in line]


@pytest.mark.parametrize("change", ["tell", "gone", "environment"])
def test_what_is_told_only_or_gone_refuses_nothing(change, tmp_path):
    config = {"tell": {"learned_imports": "tell"},
              "environment": {"python_path": None}}.get(change, {})
    with site(config=config if change == "tell" else {}) as server:
        if change == "environment":
            # Where it is installed: not of the application's own.
            os.makedirs(server.path("site-packages/installed"), exist_ok=True)
            server.write("site-packages/installed/__init__.py", "TEXT = 'late 1'")
            more = ("import sys\nsys.path.append(%r)\n" % server.path("site-packages") +
                    "def late(request):\n    import installed\n"
                    "    return HttpResponse(installed.TEXT)\n")
            django_site.write(server, 1, views=more)
            assert reload(server)[0] == 0
            learn(server, "installed")
            server.write("site-packages/installed/__init__.py", "def broken(:")
            django_site.write(server, 2, views=more)
        else:
            learn(server)
            django_site.write(server, 2, late="def broken(:")
            if change == "gone":
                os.unlink(server.path("monodon_site/late.py"))
        status, _, err = reload(server)
        assert status == 0, err
        told = [line for line in server.log.lines if "cannot be imported any more" in line]
        assert bool(told) == (change != "gone")
        assert all("[WARNING]" in line for line in told)


def test_a_worker_that_never_imported_it_has_it_all_the_same():
    with site() as server:
        pids = server.path("pids")
        late = f"import os\nwith open({pids!r}, 'a') as f:\n    f.write(f'{{os.getpid()}} ')\n"
        django_site.write(server, 1, late=late)
        assert reload(server)[0] == 0
        server.await_workers(2)
        learn(server)

        def importers():
            with open(pids, encoding="ascii") as file:
                return set(map(int, file.read().split()))
        server.wait(lambda: set(server.serving()) <= importers(), "both to have imported it")
        django_site.add(server, "late", "def broken(:")
        assert reload(server)[0] == 1
        for _ in range(40):
            assert server.get("/late").status == 200


SIDE_EFFECTS = """
import threading
threading.Thread(target=threading.Event().wait, name="late", daemon=True).start()
"""


def test_old_code_that_reads_a_file_of_the_new_code_excuses_nothing():
    """What cannot be imported in advance is in no memory but that of workers."""
    with site(config={"rehearse": None}) as server:
        django_site.write(server, 1, late=SIDE_EFFECTS)
        assert reload(server)[0] == 0
        server.await_workers(2)
        for client in range(3):
            end = time.monotonic() + 0.2  # some looks at what is asked for
            while time.monotonic() < end:
                assert server.get("/late", x_forwarded_for=f"192.0.2.{client}").status == 200
        django_site.write(server, 2, late="raise NameError('shop')")
        status, _, err = reload(server)
        assert status == 1 and err.splitlines()[-1] == "NameError: shop", err
        assert "/late fails in the new code, and workers of the old code answered it" in err


def test_what_an_early_import_would_leave_stays_with_the_workers():
    with site(config={"rehearse": None}) as server:
        django_site.write(server, 1, late=SIDE_EFFECTS)
        seen = len(server.log.lines)
        assert server.get("/late").status == 200
        line = server.await_log("imports that the next generation makes early", after=seen)
        assert "monodon_site.late" not in line
        assert reload(server)[0] == 0
        assert server.status()["preload"]["shared"]
        assert server.get("/late").status == 200


def test_new_code_of_it_that_leaves_something_costs_no_preload():
    with site() as server:
        learn(server)
        django_site.write(server, 2, late=SIDE_EFFECTS)
        status, _, err = reload(server)
        assert status == 0, err
        assert server.status()["preload"]["shared"]
        assert server.get("/late").body == b"late 2"


def test_an_upgrade_passes_on_what_was_learned():
    with site() as server:
        learn(server)
        django_site.write(server, 2, late="def broken(:")
        server.send_signal(signal.SIGUSR2)
        server.await_log("generation 2 was refused: monodon_site.late, which the serving",
                         timeout=40)
        assert server.get("/?n=1").status == 200


@pytest.mark.parametrize("newer", [{}, {"late": "def broken(:"}])
def test_old_code_that_imports_a_newer_file_says_so_once(newer):
    """Whether that can be imported or not."""
    with site() as server:
        server.expect.append("late")
        django_site.write(server, 2, **newer)
        os.utime(server.path("monodon_site/late.py"), (2**32, 2**32))
        for _ in range(16):
            server.get("/late")
        server.await_log(r"\[WARNING\].*newer than its own code, so generation 1 is a "
                         r"mixture.*monodon_site.late \(")
        assert len([line for line in server.log.lines if "mixture" in line]) == 1


def test_nothing_is_learned_where_it_is_switched_off():
    with site(config={"learned_imports": "off"}) as server:
        server.get("/late")
        server.get("/late")
        django_site.write(server, 2, late="def broken(:")
        assert reload(server)[0] == 0
        assert not [line for line in server.log.lines if "after the fork" in line]


def test_check_asks_the_running_server_of_the_site_and_tries_what_it_learned():
    with site() as server:
        learn(server)
        good = check(server)
        assert good.returncode == 0, good.stderr
        assert "that workers of the running server have imported late" in good.stderr
        django_site.write(server, 2, late="def broken(:")
        broken = check(server)
        assert broken.returncode == 3
        assert "monodon_site.late, which the serving code has imported" in (
            broken.stderr.splitlines()[-1])
        assert version_of(server) == 1
        # Of another site nothing is tried.
        server.app = "monodon_site.wsgi:get_wsgi_application"
        other = check(server)
        assert "of the running server" not in other.stderr and "late" not in other.stderr
