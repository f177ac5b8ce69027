# SPDX-License-Identifier: Apache-2.0
"""Started as root for a user: whatever that user puts in the way, nothing of root's is
opened, made, changed or run by it."""

import os
import pathlib
import pwd
import shutil
import stat
import subprocess

import pytest
from support import paths
from support.server import Server, scratch_directory

NOBODY = pwd.getpwnam("nobody")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root"),
    pytest.mark.skipif(not all(parent.stat().st_mode & stat.S_IXOTH
                               for parent in paths.MONODON.parents),
                       reason="the build is in a directory of root's alone")]


class Site:
    """A server for nobody, whose directory `users` is nobody's, and what is root's."""

    def __init__(self, **config):
        self.server = server = Server(bind=[], config={"user": "nobody"} | config)
        os.chmod(server.scratch, 0o1777)  # as /tmp
        self.users, self.roots = server.path("users"), server.path("roots")
        os.mkdir(self.users)
        os.chown(self.users, NOBODY.pw_uid, NOBODY.pw_gid)
        os.mkdir(self.roots, 0o700)
        server.address = self.users + "/own.sock"
        server.config["bind"] = ["unix:" + server.address]

    def refuses(self, **config):
        """The log of a start that failed."""
        self.server.config |= config
        self.server.spawn()
        assert self.server.await_exit() == 1
        return self.server.log.text()


@pytest.fixture
def site():
    made = Site()
    yield made
    made.server.close()


@pytest.mark.parametrize("setting", ["error_log", "access_log", "pid_file"])
@pytest.mark.parametrize("exists", [False, True])
def test_a_link_of_the_users_leads_to_no_file_of_roots(site, setting, exists):
    victim = site.roots + "/victim"
    if exists:
        with open(victim, "w", encoding="ascii") as file:
            file.write("of root\n")
    os.symlink(victim, site.users + "/link")
    text = site.refuses(**{setting: site.users + "/link"})
    assert os.path.exists(victim) == exists
    if exists:
        assert open(victim, encoding="ascii").read() == "of root\n"
        assert os.stat(victim).st_uid == 0
    assert f"{site.users}/link" in text


@pytest.mark.parametrize("setting", ["error_log", "access_log", "pid_file"])
def test_a_file_of_roots_that_the_user_moved_is_not_given_to_it(site, setting):
    # Whoever owns a directory may rename what is in it, whosever that is.
    secret = site.users + "/moved"
    with open(secret, "w", encoding="ascii") as file:
        file.write("of root\n")
    os.chmod(secret, 0o600)
    assert "as nobody" in site.refuses(**{setting: secret})
    assert open(secret, encoding="ascii").read() == "of root\n"
    assert os.stat(secret).st_uid == 0


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_stops_the_start_and_does_not_hold_it(site, make):
    make(site.users + "/pid")
    assert site.users + "/pid" in site.refuses(pid_file=site.users + "/pid")


def test_files_in_the_users_directory_are_made_by_the_user():
    site = Site()
    logs = {name: f"{site.users}/{name}" for name in ("error_log", "access_log")}
    site.server.config |= logs | {"pid_file": site.users + "/pid", "umask": "0027"}
    with site.server:
        for path in (*logs.values(), site.users + "/pid", site.server.address):
            assert os.stat(path).st_uid == NOBODY.pw_uid, path
            assert stat.S_IMODE(os.stat(path).st_mode) & 0o027 == 0, path
        assert site.server.get().status == 200


# -- Code of the site that the tools and the start of the master run ------------------

ENVIRONMENT = {name: os.environ[name] for name in
               ("PATH", "LANG", "MONODON_LIBDIR", "ASAN_OPTIONS") if name in os.environ}
ENVIRONMENT["MONODON_METRICS_BIND"] = "off"
if "MONODON_TEST_PRELOAD" in os.environ:  # the runtime of a sanitizer
    ENVIRONMENT["LD_PRELOAD"] = os.environ["MONODON_TEST_PRELOAD"]
WHO = "import os\nopen({path!r}, 'a').write(f'{{os.getresuid()}}{{os.getgroups()}}\\n')\n"
AS_NOBODY = f"{(NOBODY.pw_uid,) * 3}[{NOBODY.pw_gid}]"


@pytest.fixture
def code():
    """A directory of nobody's, whose gunicorn.conf.py and application say who runs them."""
    top = scratch_directory()
    os.chmod(top, 0o1777)
    directory = pathlib.Path(top, "site")
    directory.mkdir()
    path = str(directory / "who")
    (directory / "gunicorn.conf.py").write_text(WHO.format(path=path) + "workers = 2\n")
    (directory / "app.py").write_text(WHO.format(path=path) + "def application(e, s): pass\n")
    (directory / "shop.service").write_text(
        f"[Service]\nWorkingDirectory={directory}\nUser=nobody\n"
        "ExecStart=/usr/bin/gunicorn -c gunicorn.conf.py app:application\n")
    os.chown(directory, NOBODY.pw_uid, NOBODY.pw_gid)
    yield directory
    shutil.rmtree(top)


def ran_as(directory):
    """Who ran the code, each time; nobody else has touched the file."""
    path = directory / "who"
    assert path.stat().st_uid == NOBODY.pw_uid
    return set(path.read_text().splitlines())


def monodon(directory, *words):
    return subprocess.run([paths.MONODON, *words], cwd=directory, text=True, timeout=60,
                          env=ENVIRONMENT, capture_output=True, check=False)


@pytest.mark.parametrize("words", [
    ["import", "shop.service"],
    ["import", "gunicorn.conf.py"],  # no unit says who: the owner of the directory
    ["check", "app"],
    ["check", "--user", "nobody", "app"]])
def test_root_runs_no_code_of_the_users(code, words):
    done = monodon(code, *words)
    assert ran_as(code) == {AS_NOBODY}, done.stderr


@pytest.mark.parametrize("fifo, words", [
    ("trap.yaml", ["check", "-c", "trap.yaml"]),
    ("trap", ["check", "-c", "trap"]),  # of Gunicorn or ours: its first line would tell
    ("trap.service", ["import", "trap.service"]),
    ("docker-compose.yml", ["import", "docker-compose.yml"]),
    ("store.service", ["init", "store", "--application", "app", "--yes"])])
def test_a_fifo_in_place_of_a_file_holds_up_no_tool_of_roots(code, fifo, words):
    os.mkfifo(code / fifo)
    done = monodon(code, *words)
    assert done.returncode != 0 and fifo in done.stderr


def test_root_runs_what_is_its_own_as_the_user_of_the_unit(code):
    os.chown(code, 0, 0)
    (code / "who").touch()
    os.chown(code / "who", NOBODY.pw_uid, NOBODY.pw_gid)
    assert monodon(code, "import", "shop.service").returncode == 0
    assert ran_as(code) == {AS_NOBODY}


def test_a_gunicorn_conf_that_is_served_is_run_by_its_owner(code):
    with Server(command=["serve", "-c", str(code / "gunicorn.conf.py"), "--user", "nobody",
                         "--chdir", str(code), "--bind", "127.0.0.1:0", "app"], bind=[]):
        assert ran_as(code) == {AS_NOBODY}


def test_init_runs_the_interpreter_of_a_site_and_writes_into_it_as_its_owner(code):
    python = code / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nid -u >> {code}/who\nexec {paths.PYTHON} \"$@\"\n")
    python.chmod(0o755)
    victim = code.parent / "victim"
    victim.write_text("of root\n")
    done = monodon(code, "init", "--yes", "shop", "--output", "out")
    assert (code / "who").read_text() == f"{NOBODY.pw_uid}\n", done.stderr
    made = [path for path in (code / "out").rglob("*") if path.is_file()]
    assert made and {path.stat().st_uid for path in made} == {NOBODY.pw_uid}
    for path in made:
        path.unlink()
        path.symlink_to(victim)
    assert monodon(code, "init", "--yes", "shop", "--output", "out").returncode == 1
    assert victim.read_text() == "of root\n"


def test_an_interpreter_that_the_user_cannot_reach_is_told(code):
    (code / "gunicorn.conf.py").unlink()  # would need it, too
    closed = code.parent / "closed"
    (closed / "bin").mkdir(parents=True)
    (closed / "bin" / "python").symlink_to(paths.PYTHON)
    closed.chmod(0o700)
    (code / ".venv").symlink_to(closed)
    for words in (["check", "--user", "nobody", "app"],
                  ["serve", "--user", "nobody", "--bind", "127.0.0.1:0", "app"]):
        done = monodon(code, *words)
        assert done.returncode == 1
        assert "as user nobody, who may not enter" in done.stderr
        assert str(closed) in done.stderr
