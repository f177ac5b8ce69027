# SPDX-License-Identifier: Apache-2.0
"""A zygote whose import leaves what a fork breaks: it gives up, unless somebody asked for
the fork.
"""

import os
import signal

import pytest

from test_zygote import (  # noqa: F401 (fixtures)
    GOOD, LOADED, PYTHON, SHARED_STATE, WARNING, module, start)

LEAVES = GOOD + """
import socket, threading
threading.Thread(target=threading.Event().wait, name="poller", daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(listener.getsockname())
"""


def test_a_zygote_whose_import_leaves_what_a_fork_breaks_says_so_and_ends(start, module):
    zygote = start(PYTHON)
    zygote.boot(**module(LEAVES))
    kind, _, _, _, text = zygote.receive()
    assert kind == SHARED_STATE
    lines = text.splitlines()
    assert lines[0] == "thread 'poller' (threading.Event.wait)" and len(lines) == 3
    assert zygote.receive() is None
    assert zygote.process.wait(20) == 0


def test_a_zygote_that_gives_up_ends_its_children_and_calls_what_was_registered(
    start, module, tmp_path
):
    text = GOOD + f"""
import atexit, subprocess
child = subprocess.Popen(["sleep", "999"])
open("{tmp_path}/pid", "w").write(str(child.pid))
atexit.register(open, "{tmp_path}/ended", "w")
"""
    zygote = start(PYTHON)
    zygote.boot(**module(text))
    assert zygote.receive()[0] == SHARED_STATE
    assert zygote.process.wait(20) == 0
    assert (tmp_path / "ended").exists()
    pid = int((tmp_path / "pid").read_text())
    assert os.waitpid(pid, 0) == (pid, signal.SIGTERM)  # it became ours


@pytest.mark.parametrize("more", [{"preload": "true"}, {"post_fork": ":hook"}])
def test_who_asks_for_the_fork_is_warned_once_for_each_kind(start, module, more):
    zygote = start(PYTHON)
    settings = module(LEAVES + "def hook(info): pass\n", **more)
    if "post_fork" in settings:
        settings["post_fork"] = settings["application"] + settings["post_fork"]
    zygote.boot(**settings)
    said = [zygote.receive() for _ in range(4)]
    assert [kind for kind, *_ in said] == [WARNING] * 3 + [LOADED]
    assert "'poller'" in said[0][4] and "; start it in post_fork" in said[0][4]
    assert said[1][4].startswith("connection to 127.0.0.1:")
