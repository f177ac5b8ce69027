# SPDX-License-Identifier: Apache-2.0
"""On a kernel that has not got the newer system calls and flags, by seccomp(2): what Monodon
does in their place."""

import contextlib
import os
import signal

import pytest
from support import proc
from support.scrape import watched
from support.server import Server


def holders(server, path):
    """Which processes have a file open. Workers come and go meanwhile."""
    found = set()
    for pid in [server.pid, *server.processes()]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    if os.readlink(f"/proc/{pid}/fd/{fd}") == path:
                        found.add(pid)
    return found


@pytest.mark.parametrize("old_kernel", ["5.10", "5.0", "sandbox"])
def test_all_goes_on_where_the_kernel_lacks_what_is_newer(old_kernel):
    with watched(config={"workers": 2, "max_requests": 5},
                 old_kernel=old_kernel) as server:
        for _ in range(20):
            assert server.get().status == 200
        server.send_signal(signal.SIGHUP)
        server.await_log("generation 2 has taken over")
        assert server.get().status == 200
        if old_kernel != "5.0":
            # What the master was born with and knows nothing of is for no other program.
            assert holders(server, "/etc/passwd") == {server.pid}
        # One that ends just now may be seen before its master has reaped it.
        server.wait(lambda: not [p for p in proc.children(server.pid)
                                 if proc.state(p) == "Z"], "the last one to be reaped")


@pytest.mark.parametrize("old_kernel, words", [
    ("pidfds", "the kernel or a sandbox refuses pidfd_open(2), which takes Linux 5.10"),
    ("orphans", "prctl(2) with PR_SET_CHILD_SUBREAPER is refused, by an old QEMU for example; "
                "as process 1"),
])
def test_what_cannot_be_done_without_is_told_at_the_start(old_kernel, words):
    server = Server(old_kernel=old_kernel, expect=["refuse"])
    server.spawn()
    try:
        assert server.await_exit() == 1
        log = server.log.text()
        assert log.count("CRITICAL") == 1 and words in log
        assert not server.notify.has("READY")
    finally:
        server.close()
