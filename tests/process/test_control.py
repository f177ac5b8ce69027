# SPDX-License-Identifier: Apache-2.0
"""The control socket of a server that nobody gave a runtime directory, and how commands
find it without being told."""

import json
import os
import re
import signal
import stat
import subprocess

import pytest
from support import paths
from support.server import PATIENCE, Server
from support.until import until


@pytest.fixture(name="home")
def _home(tmp_path):
    """What the user's environment says, all below one private directory."""
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    return {"XDG_RUNTIME_DIR": str(run), "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}


def server_of(home, **options):
    options.setdefault("config", {})["runtime_directory"] = None
    return Server(environment=home, **options)


def command(home, *words, cwd, status=0):
    done = subprocess.run([str(paths.MONODON), *words], cwd=cwd, text=True,
                          env={"PATH": os.environ["PATH"], **home}, capture_output=True,
                          timeout=20 * PATIENCE, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def pid_found(home, *words, cwd):
    return json.loads(command(home, "status", "--json", *words, cwd=cwd))["pid"]


def test_a_server_without_a_runtime_directory_is_found_by_every_command(home, tmp_path):
    socket = tmp_path / "run" / "monodon-probe" / "control.sock"
    with server_of(home) as server:
        server.await_log(f"control socket at {socket}")
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert pid_found(home, cwd=tmp_path) == server.pid
        assert "generation 2 serves" in command(home, "reload", cwd=tmp_path)
        assert "worker 0" in command(home, "trace", "--all", cwd=tmp_path)
        assert "0 " in command(home, "top", "--once", cwd=tmp_path)
        command(home, "upgrade", cwd=tmp_path)
        server.await_log("upgraded to monodon")
        server.wait(lambda: server.notify.messages[-1:] and pid_found(
            home, cwd=tmp_path) == server.pid, "the same place after an upgrade")
    assert not socket.parent.exists()  # it goes with the server


def test_of_several_servers_the_one_of_this_directory_or_file_is_meant(home, tmp_path):
    with server_of(home) as one, server_of(home) as two:
        assert (tmp_path / "run" / "monodon-probe.2").exists()
        for server in (one, two):
            assert pid_found(home, cwd=server.scratch) == server.pid
            assert pid_found(home, "-c", server.path("monodon.yaml"),
                             cwd=tmp_path) == server.pid
        told = command(home, "reload", cwd=tmp_path, status=1)
        assert "several servers run" in told and told.count("(probe:application in ") == 2
        # Both have one name: the pid tells them apart, and is in the table, too.
        told = command(home, "status", "probe", cwd=tmp_path, status=1)
        assert "several servers are called probe; choose one by its pid or port" in told
        for server in (one, two):
            assert re.search(rf"  pid {server.pid}  (unix:|127)\S+  --control ", told), told
            assert pid_found(home, str(server.pid), cwd=tmp_path) == server.pid
            assert f" {server.pid}  " in command(home, "ls", cwd=tmp_path)
        # A file that nobody has read is not anybody's, whoever else runs.
        (tmp_path / "monodon.yaml").write_text("application: other:app\n")
        told = command(home, "reload", cwd=tmp_path, status=1)
        assert "no server that runs has read" in told
        two.send_signal(signal.SIGKILL)
        two.await_exit()
        for pid in two.processes():
            os.kill(pid, signal.SIGKILL)
        (tmp_path / "monodon.yaml").unlink()
        assert pid_found(home, cwd=tmp_path) == one.pid  # what two has left is no server


def test_the_directory_that_a_file_names_is_made_or_the_start_is_refused(home, tmp_path):
    with Server(config={"runtime_directory": str(tmp_path / "mine")}) as server:
        assert pid_found(home, "-c", server.path("monodon.yaml"), cwd=tmp_path) == server.pid
        assert pid_found(home, cwd=server.scratch) == server.pid
    server = Server(config={"runtime_directory": str(tmp_path / "no" / "where")},
                    expect=["make runtime_directory"])
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert any("cannot make runtime_directory" in line and
                   "where: the directory above it does not exist" in line
                   for line in server.log.lines)
    finally:
        server.close()
    server = Server(config={"runtime_directory": "/proc/none"}, expect=["make runtime_directory"])
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert any("cannot make runtime_directory /proc/none, although /proc exists: "
                   "No such file or directory" in line for line in server.log.lines)
    finally:
        server.close()


def test_two_servers_of_one_file_are_told_apart_by_port(home):
    with server_of(home, bind=["127.0.0.1:0"]) as one, \
            server_of(home, command=["serve", "-c", one.path("monodon.yaml"), one.app],
                      bind=[]) as two:
        for server in (one, two):
            port = next(re.search(r"listening at \S*:(\d+)", line)[1]
                        for line in server.log.lines if "listening at" in line)
            for word in (port, f":{port}", f"127.0.0.1:{port}"):
                assert pid_found(home, word, cwd=one.scratch) == server.pid
        told = command(home, "reload", cwd=one.scratch, status=1)  # not either of them
        assert "several servers run; choose one by its name, pid or port" in told


def test_a_server_that_does_not_use_the_directory_of_its_file_is_found(home, tmp_path):
    # `monodon dev` has the socket in a default place, whatever the file says.
    with server_of(home) as server:
        server.write_config(runtime_directory=str(tmp_path / "not-used"))
        assert pid_found(home, cwd=server.scratch) == server.pid
        assert pid_found(home, "-c", server.path("monodon.yaml"), cwd=tmp_path) == server.pid


def test_a_server_starts_where_nothing_can_be_written(home, tmp_path):
    (tmp_path / "run").rmdir()
    nowhere = {name: "/proc/nowhere" for name in home}
    with server_of(nowhere | {"XDG_CACHE_HOME": "/proc/nowhere"}) as server:
        server.await_log("there is no control socket, only signals: .*proc/nowhere.*; .*proc/nowhere")
        assert server.get("/").status == 200


def test_a_private_directory_of_somebody_else_is_not_used(home, tmp_path):
    os.chmod(tmp_path / "run", 0o755)
    (tmp_path / f"monodon-{os.geteuid()}").symlink_to("/tmp")
    with server_of(home) as server:
        server.await_log(f"control socket at {tmp_path}/.cache/monodon/probe/control.sock")
        assert pid_found(home, cwd=tmp_path) == server.pid


def await_pids(home, count, *site, cwd, without=()):
    """pids of the workers, once that many serve and are others than those."""
    def serving():
        said = json.loads(command(home, "status", "--json", *site, cwd=cwd))
        pids = [slot["pid"] for slot in said["slots"] if slot["state"] == "serving"]
        return pids if len(pids) == count and not set(pids) & set(without) else None
    return until(serving, f"{count} workers", 20)


def test_a_site_is_named_listed_and_scaled(home, tmp_path):
    with server_of(home, config={"name": "shop", "workers": 1}) as shop, \
            server_of(home, config={"name": "blog", "workers": 1}, expect=["."]) as blog:
        await_pids(home, 1, "shop", cwd=tmp_path)
        await_pids(home, 1, "blog", cwd=tmp_path)
        assert pid_found(home, "shop", cwd=tmp_path) == shop.pid
        assert pid_found(home, "monodon@blog.service", cwd=tmp_path) == blog.pid
        assert {"shop", "blog"} <= set(command(home, "ls", "-q", cwd=tmp_path).split())
        for site in (shop.scratch, shop.path("monodon.yaml"),
                     str(tmp_path / "run" / "monodon-shop" / "control.sock")):
            assert pid_found(home, site, cwd=tmp_path) == shop.pid
        told = command(home, "status", str(tmp_path / "run"), cwd=tmp_path, status=1)
        assert f"no server runs in {tmp_path}/run; these run:\n  " in told
        told = command(home, "status", "./nowhere", cwd=tmp_path, status=1)
        assert "SITE ./nowhere: No such file or directory" in told
        # One line each, where none is named and several run.
        for words in (["ls"], ["status"], ["top", "--once", "-d", "0.1"]):
            lines = command(home, *words, cwd=tmp_path).splitlines()
            heading = next(n for n, line in enumerate(lines) if line.startswith("SITE"))
            rows = {line.split()[0]: line for line in lines[heading + 1:]}
            assert " ready " in rows["shop"] and " 1/1 " in rows["blog"], lines
        listed = json.loads(command(home, "ls", "--json", cwd=tmp_path))
        assert {row["site"]: row["status"]["pid"] for row in listed}["shop"] == shop.pid
        told = command(home, "reload", "shpo", cwd=tmp_path, status=1)
        assert "no site that runs is called shpo; did you mean shop?" in told
        # One that hangs is still called what it is called.
        blog.send_signal(signal.SIGSTOP)
        try:
            told = command(home, "ls", cwd=tmp_path)
            assert re.search(r"(?m)^blog +- +the server at .* hangs, or is stopped$", told), told
            told = command(home, "status", "blog", cwd=tmp_path, status=1)
            assert "control.sock does not answer: it hangs, or is stopped" in told
        finally:
            blog.send_signal(signal.SIGCONT)
        told = command(home, "scale", "blog", "3", cwd=tmp_path)
        assert "3 workers wanted, was 1" in told
        await_pids(home, 3, "blog", cwd=tmp_path)
        assert "1 worker wanted, was 3" in command(home, "scale", "blog", "1", cwd=tmp_path)
        await_pids(home, 1, "blog", cwd=tmp_path)


def test_status_tells_the_last_reload_and_the_last_deaths(home, tmp_path):
    with server_of(home, config={"workers": 1}, expect=["."]) as server:
        old, = await_pids(home, 1, cwd=tmp_path)
        os.kill(old, signal.SIGKILL)
        await_pids(home, 1, cwd=tmp_path, without=[old])
        server.write_config(workers=1, health_check="/fail")
        assert "health check /fail" in command(home, "reload", cwd=tmp_path, status=1)
        text = command(home, "status", cwd=tmp_path)
        assert "last reload: refused at " in text and "ago)" in text
        assert "health check /fail" in text
        assert "last deaths of workers:" in text
        assert f"pid {old}, generation 1) was killed by SIGKILL" in text
        said = json.loads(command(home, "status", "--json", cwd=tmp_path))
        assert said["last_reload"]["outcome"] == "refused"
        # That of the worker that was tried may be there by now.
        assert [f"pid {old}," in death["text"] for death in said["deaths"]][:2] in (
            [True], [True, False])
