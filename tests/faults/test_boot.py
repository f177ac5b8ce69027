# SPDX-License-Identifier: Apache-2.0
"""Applications that misbehave while they are imported, at the first start."""

import os
import signal

import pytest
from support.server import Server

IMPORTS = {
    "raises": ("raise ValueError('on purpose')", "on purpose"),
    "raises what is no Exception": ("raise KeyboardInterrupt('on purpose')", "on purpose"),
    "calls sys.exit": ("import sys; sys.exit(0)", "SystemExit"),
    "calls os._exit": ("import os; os._exit(0)", "status 0"),
    "calls os._exit with a status that means something": ("import os; os._exit(4)", "status 4"),
    "aborts": ("import os; os.abort()", "SIGABRT"),
    "segfaults": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "is no Python": ("def (", "SyntaxError"),
    "is a file that was copied by half": ("\0" * 512, "null bytes ("),
    "finds its lock taken": ("raise BlockingIOError(11, 'taken')", "take it in post_fork"),
    "recurses for ever": ("def f(): f()\nf()", "RecursionError"),
    "says much": ("raise ValueError('x' * 1000000)", "ValueError"),
    "raises in other letters": ("raise ValueError('caf\u00e9 \\udc80 \\n\\x1b[1m')", "caf"),
    "never returns": ("import gates\ngates.wait('import')", "boot_timeout"),
}
DIES = ("status 0", "status 4", "SIGABRT", "SIGSEGV", "boot_timeout")


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("what", IMPORTS)
def test_an_application_that_cannot_be_imported_ends_the_start(what, preload):
    code, text = IMPORTS[what]
    if not preload and text in DIES:
        pytest.skip("a worker that dies while it boots is tried again")
    server = Server("broken:application", expect=["."],
                    config={"preload": preload, "boot_timeout": 1.0})
    server.write("broken.py", code + "\n")
    try:
        server.spawn()
        assert server.await_exit() > 0
        assert text in server.log.text()
        if text in DIES:  # no exception tells where
            said = server.log.text() + "\n".join(server.out.lines)
            assert 'broken.py", line' in said, said
            assert "the error log says where" in server.log.text()
        assert "\x1b" not in server.log.text()
        assert not server.notify.has("READY")
        server.gates.close()
        server.watch.wait(lambda: not server.processes(), "the last process to go")
    finally:
        server.close()


def test_an_application_that_forks_while_it_is_imported():
    server = Server("forks_early:application")
    server.write("forks_early.py", "import os, gates\nif os.fork() == 0:\n    gates.wait('child')\n"
                               "    os._exit(0)\nfrom probe import application\n")
    with server:
        held = server.gates.arrived("child")
        assert server.get().status == 200
        held.release()


def test_a_worker_whose_master_goes_while_it_boots_leaves_before_it_serves():
    server = Server("slow_boot:application", config={"preload": False, "workers": 1})
    server.write("slow_boot.py", "import gates\ngates.wait('boot')\n"
                                 "from probe import application\n")
    try:
        server.spawn()
        held = server.gates.arrived("boot")
        os.kill(server.pid, signal.SIGKILL)
        server.await_exit()
        held.release()
        server.watch.wait(lambda: "leaves before it serves" in server.log.text(), "its line")
        server.watch.wait(lambda: not server.processes(), "the last process to go")
    finally:
        server.close()


def test_an_application_that_closes_every_descriptor_takes_nobody_with_it():
    server = Server("closing:application", expect=["."])
    server.write("closing.py", "import os\nos.closerange(3, 1000)\n"
                               "from probe import application\n")
    try:
        server.spawn()
        assert server.await_exit() > 0
        assert server.log.lines
    finally:
        server.close()


def test_an_application_that_writes_to_every_stream_while_it_is_imported():
    server = Server("talking:application")
    server.write("talking.py", "import sys\nprint('o' * 300000)\n"
                               "print('e' * 300000, file=sys.stderr)\n"
                               "from probe import application\n")
    with server:
        assert server.get().status == 200
