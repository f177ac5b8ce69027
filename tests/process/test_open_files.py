# SPDX-License-Identifier: Apache-2.0
"""What files have in their buffers, and what they would write when they are closed: a worker
leaves by _exit, and nothing of it is lost.
"""

import gzip
import os
import signal
import zipfile
from pathlib import Path

import pytest
from test_preload import site

BUFFERED = """
early, late = open(HERE + "/early", "a"), []
early.write("import\\n")
def work():
    late.append(late.pop() if late else open(HERE + "/late", "ab"))
    early.write("request\\n")
    late[0].write(b"request\\n")
"""


@pytest.mark.parametrize("preload, stop", [("auto", signal.SIGTERM), (False, signal.SIGQUIT)])
def test_what_files_have_in_their_buffers_is_written_once_when_a_worker_leaves(preload, stop):
    with site(BUFFERED, config={"preload": preload, "threads": 1}) as server:
        pids = server.await_workers(2)
        for _ in range(30):
            assert server.get("/?n=1").status == 200
        os.kill(pids[0], signal.SIGTERM)
        server.await_workers(2, without=[pids[0]])
        server.send_signal(stop)
        server.await_exit()
        early, late = (sorted(Path(server.path(name)).read_text(encoding="ascii").split())
                       for name in ("early", "late"))
        assert late == ["request"] * 30
        assert early == ["import"] * (1 if preload else 3) + ["request"] * 30


UNFINISHED = """
import gzip, os, tempfile, zipfile
mine = []
def work():
    if not mine:
        name = HERE + "/%d" % os.getpid()
        mine.append(gzip.open(name + ".gz", "at"))
        mine.append(zipfile.ZipFile(name + ".zip", "w"))
        mine.append(tempfile.NamedTemporaryFile(dir=HERE, suffix=".temporary"))
        mine[1].writestr("it", "in an archive")
    mine[0].write("request\\n")
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGQUIT])
def test_files_that_a_worker_has_not_closed_are_finished_at_its_end(stop):
    with site(UNFINISHED, config={"threads": 1, "workers": 1}) as server:
        [pid] = server.await_workers(1)
        for _ in range(3):
            assert server.get("/?n=1").status == 200
        server.send_signal(stop)
        server.await_exit()
        with gzip.open(server.path(f"{pid}.gz"), "rt") as file:
            assert file.read() == "request\n" * 3
        assert zipfile.ZipFile(server.path(f"{pid}.zip")).read("it") == b"in an archive"
        assert not list(Path(server.path(".")).glob("*.temporary"))
