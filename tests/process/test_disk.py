# SPDX-License-Identifier: Apache-2.0
"""What comes from the disk while a site is replaced there: nothing of what was imported where
workers share one import, all where each imports by itself; as docs/deploys.md has it.
"""

import os
import shutil
import signal

import pytest
from support import django_site, paths
from support.server import Server
from support.versions import CODE, begin, finish, reload, site, version_of, write
from test_fallback import DIES_IN_A_REQUEST, die_in_requests
from test_late_imports import kill_all
from test_upgrade import upgrade

SHARED, BY_ITSELF = {}, {"preload": False}
MODES = pytest.mark.parametrize("mode", [SHARED, BY_ITSELF], ids=["shared", "by itself"])


def put(server, place, version):
    """The same answers from a file of the site's own or from an installed package."""
    if place == "own":
        return write(server, version)
    server.write("site-packages/installed.py", CODE.format(version=version, more=""))
    return server.write("site_code.py", "from installed import application\n")


@MODES
@pytest.mark.parametrize("place", ["own", "installed"])
def test_a_worker_that_is_replaced_has_the_code_in_memory_or_what_is_on_the_disk(mode, place):
    server = Server("site_code:application", config=dict(mode), expect=["SIGKILL|died"])
    os.mkdir(server.path("site-packages"))
    server.config["python_path"] += [server.path("site-packages")]
    put(server, place, 1)
    with server:
        put(server, place, 2)
        kill_all(server)
        assert version_of(server) == (1 if mode is SHARED else 2)
        assert reload(server)[0] == 0
        assert version_of(server) == 2


@MODES
def test_after_a_refusal_too(mode):
    with site(config=dict(mode), expect=["."]) as server:
        write(server, 2, "import no_such_module")
        assert reload(server)[0] == 1
        write(server, 3)
        kill_all(server)
        assert version_of(server) == (1 if mode is SHARED else 3)


def test_a_replacement_that_is_broken_on_the_disk_does_not_serve_beside_good_workers():
    with django_site.site(expect=["."], config={"preload": False, "restart_pause": 0.1}) as server:
        first, second = server.await_workers(2)
        django_site.write(server, 2, views="def broken(:")
        assert reload(server)[0] == 1
        os.kill(first, signal.SIGKILL)
        server.await_log("could not load the application")
        for _ in range(20):
            assert server.get("/").status == 200
        assert server.serving() == [second]
        django_site.write(server, 1)
        server.await_workers(2, without=[first])
        # Without a good one it serves: some pages may work.
        django_site.write(server, 2, views="def broken(:")
        for pid in server.serving():
            os.kill(pid, signal.SIGKILL)
        assert server.get("/").status == 500


@MODES
def test_releases_in_directories_of_their_own_are_never_mixed(mode):
    server = Server("site_code:application", expect=["SIGKILL|died"],
                    config={"python_path": [str(paths.APPS)], **mode})
    server.config["directory"] = server.path("current")

    def point(version):
        os.symlink(f"releases/{version}", server.path("next"))
        os.rename(server.path("next"), server.path("current"))
    for version in (1, 2):
        os.makedirs(server.path(f"releases/{version}"))
        server.write(f"releases/{version}/site_code.py", CODE.format(version=version, more=""))
    point(1)
    with server:
        server.await_workers(2)
        point(2)
        kill_all(server)
        assert version_of(server) == 1
        assert reload(server)[0] == 0
        assert version_of(server) == 2


def test_a_site_whose_start_directory_is_removed_and_made_anew_by_a_deploy_is_reloaded():
    server = Server("site_code:application", config={"python_path": [str(paths.APPS)]},
                    expect=["site: No such file", "refused"])
    server.start_in = "site"

    def copy(version, more=""):
        shutil.rmtree(server.path("site"), ignore_errors=True)
        os.makedirs(server.path("site"))
        server.write("site/site_code.py", CODE.format(version=version, more=more))
    copy(1)
    with server:
        server.await_workers(2)
        copy(2)
        assert reload(server)[0] == 0
        assert version_of(server) == 2
        shutil.rmtree(server.path("site"))
        status, _, err = reload(server)
        assert status == 1 and server.path("site") in err, err
        assert version_of(server) == 2
        copy(3)
        assert reload(server)[0] == 0
        assert version_of(server) == 3
        upgrade(server)
        assert version_of(server) == 3


@MODES
def test_old_code_whose_release_was_removed_comes_back_where_it_is_in_memory(mode):
    server = Server("site_code:application", expect=["."],
                    config={"python_path": [str(paths.APPS)], "fallback": None, **mode})
    server.config["directory"] = server.path("current")

    def point(version, more=""):
        os.makedirs(server.path(f"releases/{version}"))
        server.write(f"releases/{version}/site_code.py",
                     CODE.format(version=version, more=more))
        os.symlink(f"releases/{version}", server.path("next"))
        os.rename(server.path("next"), server.path("current"))
    point(1)
    with server:
        server.await_workers(2)
        point(2, DIES_IN_A_REQUEST)
        assert reload(server)[0] == 0
        shutil.rmtree(server.path("releases/1"))  # as Capistrano does, after the deploy
        die_in_requests(server, 3)
        if mode is BY_ITSELF:  # it could serve nothing: the new code is better than that
            server.await_log("not brought back, since its directory has been removed")
            server.wait(lambda: version_of(server) == 2, "the new code")
            return
        server.await_log("the code before it comes back")
        server.wait(lambda: version_of(server) == 1, "the old code")
        kill_all(server)
        assert version_of(server) == 1
        said = server.status()["fell_back"]
        assert "releases/1, the directory of generation 1, has been removed" in said


def late_of(server, where):
    """The views' late import: of the site's own, or of an installed package."""
    if where == "own":
        django_site.write(server, 2, late="def broken(:")
        return
    server.write("site-packages/installed.py", "def broken(:")
    django_site.write(server, 2, views="def late(request):\n    import installed\n")


@pytest.mark.parametrize("where", ["own", "installed"])
def test_where_each_imports_by_itself_a_late_error_is_found_by_the_request(where):
    server = django_site.site(config=dict(BY_ITSELF), expect=["application raised"])
    os.mkdir(server.path("site-packages"))
    server.config["python_path"] += [server.path("site-packages")]
    with server:
        assert server.get("/late").status == 200
        late_of(server, where)
        status, _, err = reload(server)
        assert status == 0, err
        assert version_of(server) == 2
        assert server.get("/late").status == 500


@MODES
def test_the_old_workers_serve_while_the_new_code_takes_its_time_to_import(mode):
    with site(config=dict(mode)) as server:
        server.await_workers(2)
        write(server, 2, "import gates\ngates.wait('import')")
        going = begin(server)
        held = server.gates.arrived("import", timeout=30)
        assert version_of(server) == 1
        write(server, 2)  # as the other workers import it
        held.release()
        status, _, err = finish(going)
        assert status == 0, err
        assert version_of(server) == 2


@MODES
def test_an_application_of_another_interface_is_refused(mode):
    with site(config=dict(mode), expect=["refused|serves on|ended, |load the app"]) as server:
        write(server, 2, "async def application(scope, receive, send):\n    pass\n")
        status, _, err = reload(server)
        assert status == 1 and "ASGI" in err.splitlines()[-1], err
        assert version_of(server) == 1


def own_memory(pid):
    """MiB that no other process has."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_")) / 1024


@MODES
def test_memory_of_the_import_is_shared_or_each_workers_own(mode):
    server = site(config=dict(mode))
    write(server, 1, "table = bytearray(range(256)) * (64 * 4096)\n")  # 64 MiB
    with server:
        for pid in server.await_workers(2, timeout=30):
            assert (own_memory(pid) < 32) == (mode is SHARED)
