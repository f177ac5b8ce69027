# SPDX-License-Identifier: Apache-2.0
"""`reload`: what is saved is served, and what cannot be imported is not. Each way in which
editors and tools write files; tests/dev has the terminal."""

import os
import pathlib
import signal
import subprocess
import time

import pytest
from support import paths, proc
from support.server import Server

APP = """
import answer
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.TEXT]
"""


def site(text=b"1", **options):
    config = options.pop("config", {})
    server = Server("site_code:application", expect=["."], config={
        "workers": 1, "reload": True, "observe": None, "fallback": None} | config, **options)
    server.write("site_code.py", APP)
    save(server, "answer.py", text)
    return server


def save(server, name, text, how="rename"):
    """As an editor does."""
    path = pathlib.Path(server.path(name))
    content = f"TEXT = {text!r}\n" if isinstance(text, bytes) else text
    if how == "rename":  # vim, PyCharm
        server.write(name, content)
    elif how == "in place":  # nano, VS Code
        path.write_text(content, encoding="utf-8")
    elif how == "backup":  # vim with backupcopy=no
        path.rename(str(path) + "~")
        path.write_text(content, encoding="utf-8")


def await_answer(server, body, timeout=20):
    server.wait(lambda: server.get("/").body == body, f"the answer {body!r}", timeout)


def watcher(server):
    return server.wait(lambda: [pid for pid in proc.children(server.pid)
                                if proc.comm(pid) == "monodon-watcher"], "the watcher")[0]


def test_what_is_saved_is_served_however_it_was_saved(tmp_path):
    with site() as server:
        watcher(server)
        for number, how in enumerate(("rename", "in place", "backup", "rename"), 2):
            save(server, "answer.py", str(number).encode(), how)
            await_answer(server, str(number).encode())
        assert any("answer.py has changed" in line for line in server.log.lines)


def test_a_file_that_is_written_and_left_open_is_served():
    with site() as server, open(server.path("answer.py"), "w", encoding="utf-8") as file:
        watcher(server)
        for number in (2, 3):
            file.seek(0)
            file.write(f"TEXT = b'{number}'\n")
            file.flush()
            await_answer(server, b"%d" % number)


def test_an_extra_file_of_a_directory_that_is_reached_by_a_link_counts(tmp_path):
    code = tmp_path / "code"
    (code / "conf").mkdir(parents=True)
    (tmp_path / "link").symlink_to(code)
    (code / "settings.ini").write_text("1")
    (code / "extra.py").write_text("TEXT = open('settings.ini', 'rb').read()\n")
    with site("from extra import TEXT\n", config={
            "directory": str(tmp_path / "link"),
            "reload_extra_files": ["settings.ini", f"{tmp_path}/link/conf/*.toml"]}) as server:
        watcher(server)
        (code / "settings.ini").write_text("2")
        await_answer(server, b"2")
        (code / "conf" / "new.toml").write_text("")
        server.await_log("new.toml has changed")


def test_broken_code_is_told_and_the_old_serves_until_it_is_mended():
    with site() as server:
        watcher(server)
        save(server, "answer.py", "TEXT = (\n")
        server.await_log("generation 2 was refused")
        server.await_log("SyntaxError")
        assert not any(r"\x0a" in line for line in server.log.lines)
        assert server.get("/").body == b"1"
        save(server, "answer.py", b"mended")
        await_answer(server, b"mended")
        assert server.status()["generation"] == 3


@pytest.mark.parametrize("preload", [True, False])
def test_an_import_that_hangs_keeps_no_edit_waiting(preload):
    with site(config={"preload": preload, "boot_timeout": 600}) as server:
        watcher(server)
        save(server, "answer.py", "import gates\ngates.wait('import')\n")
        held = server.gates.arrived("import")
        assert server.get("/").body == b"1"
        save(server, "answer.py", b"mended")
        await_answer(server, b"mended")
        server.await_log("generation 2 is given up: its files have changed since")
        assert not [line for line in server.log.lines
                    if "ERROR" in line or "WARNING" in line and "root" not in line]
        held.release()


def test_an_edit_while_nobody_watches_is_served_once_somebody_does():
    with site() as server:
        for number in range(3):
            pid = watcher(server)
            proc.kill(pid)
            save(server, "answer.py", b"unwatched %d" % number)
            await_answer(server, b"unwatched %d" % number)
            server.wait(lambda: pid not in proc.children(server.pid), "its end")


def test_a_configuration_file_that_is_made_later_counts(tmp_path):
    server = Server(command=["dev", "site_code:application", "--python", str(paths.PYTHON)],
                    expect=["."], environment={"XDG_RUNTIME_DIR": str(tmp_path)})
    server.write("site_code.py", APP)
    save(server, "answer.py", b"1")
    with server:
        server.await_log("listening at")
        server.write("monodon.yaml", f"static:\n  /files: {server.scratch}\n")
        server.await_log("monodon.yaml has changed")
        server.wait(lambda: server.get("/files/answer.py").body == b"TEXT = b'1'\n", "the file", 20)
        told = subprocess.run([paths.MONODON, "reload"], cwd=server.scratch, text=True,
                              env=server.environment, capture_output=True, timeout=60)
        assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("preload", [True, False])
def test_a_start_with_broken_code_waits_for_the_edit_that_mends_it(preload):
    server = site("TEXT = (\n", config={"preload": preload})
    try:
        server.spawn()
        server.await_log("SyntaxError")
        server.await_log("waiting for a change of the files")
        watcher(server)
        save(server, "answer.py", b"mended")
        server.await_ready()
        await_answer(server, b"mended")
        server.finish()
    finally:
        server.close()


def test_new_files_templates_and_modules_from_elsewhere_count(tmp_path):
    (tmp_path / "far_away.py").write_text("TEXT = b'far 1'\n")
    with site("import sys\nsys.path.append(%r)\nimport far_away\nTEXT = far_away.TEXT\n"
              % str(tmp_path), config={"reload_extra_files": [str(tmp_path / "*.toml")]}) as server:
        assert server.get("/").body == b"far 1"
        watcher(server)
        server.wait(lambda: str(tmp_path) in watched_directories(watcher(server)),
                    "a watch of the module's directory")
        (tmp_path / "far_away.py").write_text("TEXT = b'far 22'\n")
        await_answer(server, b"far 22")
        os.makedirs(server.path("pages/templates"))
        for count, name in enumerate(["pages/templates/mail.txt", "fresh.py", ".env"], 3):
            pathlib.Path(server.path(name)).write_text("x = 1\n")
            server.wait(lambda: server.status()["generation"] >= count, f"a reload for {name}")
        before = server.status()["generation"]
        (tmp_path / "site.toml").write_text("")
        server.wait(lambda: server.status()["generation"] > before, "a reload for a pattern")


@pytest.mark.parametrize("broken", ["TEXT = (\n", "import no_such_module\n"])
def test_a_module_from_elsewhere_that_breaks_the_start_is_watched(tmp_path, broken):
    (tmp_path / "far_away.py").write_text(broken)
    server = site("import sys\nsys.path.append(%r)\nimport far_away\nTEXT = far_away.TEXT\n"
                  % str(tmp_path))
    try:
        server.spawn()
        server.await_log("waiting for a change of the files")
        server.wait(lambda: str(tmp_path) in watched_directories(watcher(server)),
                    "a watch of the module's directory")
        (tmp_path / "far_away.py").write_text("TEXT = b'mended'\n")
        server.await_ready()
        await_answer(server, b"mended")
        server.finish()
    finally:
        server.close()


def test_a_project_that_is_moved_away_and_back_is_watched_again(tmp_path):
    code, away = tmp_path / "code", tmp_path / "away"
    code.mkdir()
    (code / "moved.py").write_text("TEXT = b'there'\n")
    with site("import moved\nTEXT = moved.TEXT\n", config={"directory": str(code)}) as server:
        watcher(server)
        assert server.get("/").body == b"there"
        code.rename(away)
        (away / "moved.py").write_text("TEXT = b'back again'\n")
        server.await_log("moved.py has changed")
        away.rename(code)
        await_answer(server, b"back again")
        (code / "moved.py").write_text("TEXT = b'and on'\n")
        await_answer(server, b"and on")


def watched_directories(pid):
    """By inode, as /proc says it; the paths of those that we know."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            for line in open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii"):
                if line.startswith("inotify wd:"):
                    found.add(int(line.split("ino:")[1].split()[0], 16))
        except OSError:
            continue
    return {path for path in KNOWN if os.stat(path).st_ino in found}


KNOWN = []


@pytest.fixture(autouse=True)
def _known(tmp_path):
    KNOWN[:] = [str(tmp_path)]


def test_no_change_is_lost_when_more_happens_than_the_kernel_remembers():
    with site() as server:
        pid = watcher(server)
        save(server, "one.py", "x = 1\n")
        save(server, "two.py", "x = 1\n")
        server.wait(lambda: server.status()["generation"] > 1, "a reload for them")
        os.kill(pid, signal.SIGSTOP)
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as limit:
            for _ in range(int(limit.read()) // 2 + 1):  # never two that are alike
                os.utime(server.path("one.py"))
                os.utime(server.path("two.py"))
        save(server, "answer.py", b"after", "in place")
        os.kill(pid, signal.SIGCONT)
        await_answer(server, b"after")
        save(server, "answer.py", b"and on")
        await_answer(server, b"and on")
        used = proc.cpu_seconds(pid)
        for _ in range(20):
            server.get("/")
        assert proc.cpu_seconds(pid) - used <= 0.02  # no busy loop


def test_a_checkout_that_pauses_again_and_again_is_a_few_reloads():
    with site() as server:
        watcher(server)
        rounds = 10
        for number in range(rounds):
            for name in ("answer.py", "one.py", "two.py", "three.py"):
                save(server, name, str(number).encode())
            time.sleep(0.2)  # what is tried: longer than a save is waited for
        await_answer(server, str(rounds - 1).encode())
        told = [line for line in server.log.lines if "changed" in line]
        assert 0 < len(told) <= rounds // 2, told


def test_where_inotify_does_not_serve_files_are_compared():
    with site(config={"reload_engine": "poll"}) as server:
        watcher(server)
        for number in (2, 3):
            save(server, "answer.py", str(number).encode())
            await_answer(server, str(number).encode())


def test_a_watcher_that_dies_is_started_again_and_ends_with_its_master():
    with site() as server:
        first = watcher(server)
        os.kill(first, signal.SIGKILL)
        server.await_log("the watcher of files ended")
        second = server.wait(lambda: watcher(server) != first and watcher(server), "another one")
        server.wait(lambda: pathlib.Path(f"/proc/{second}/wchan").exists(), "its start")
        server.await_workers(1)
        # It has looked at everything once it waits.
        server.wait(lambda: "poll" in open(f"/proc/{second}/wchan", encoding="ascii").read()
                    or proc.state(second) == "S", "its first look")
        save(server, "answer.py", b"again")
        await_answer(server, b"again")
        server.send_signal(signal.SIGUSR2)
        server.await_log("upgraded to monodon")
        save(server, "answer.py", b"upgraded")
        await_answer(server, b"upgraded")
