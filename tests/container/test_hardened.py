# SPDX-License-Identifier: Apache-2.0
"""The image in each of the ways that clusters start containers: what serves in one serves in
all, and the commands that an operator runs with `exec` find the server."""

import re

import pytest
from containers import BARE, HARDENED, Container, get
from support.client import Connection, request

WAYS = {
    "as it is": [],
    "as root": ["--user=0:0"],
    "read-only, any user, no capability, no HOME": HARDENED,
    "and nothing to write to but /dev/shm": BARE,
}


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS)
def started(request, image):
    with Container(image, *request.param) as container:
        yield container.await_ready()


def test_it_serves_and_spools_large_bodies(started):
    assert get(started.address, "/?n=1&pad=10").status == 200
    with Connection(started.address) as connection:
        answer = connection.ask(request("POST", "/?n=2", b"x" * 3_000_000))
        assert answer.status == 200


@pytest.mark.parametrize("command, says", [
    (["status"], "2 of 2 workers serve"),
    (["top", "--once"], "2 of 2 workers serve"),
    (["trace"], "workers 0, 1"),
    (["reload"], "generation 2"),
], ids=["status", "top", "trace", "reload"])
def test_exec_reaches_the_server(started, command, says):
    status, said = started.exec("monodon", *command)
    assert status == 0 and says in said, said


def test_the_server_itself_is_process_1(started):
    status, said = started.exec("monodon", "status")
    assert status == 0 and re.match(r"monodon \S+, pid 1,", said), said
