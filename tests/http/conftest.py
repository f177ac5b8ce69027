# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.suite import *  # noqa: E402,F401,F403  (pytest hooks)

import itertools  # noqa: E402

import pytest  # noqa: E402

from support.client import FRAGMENTATIONS  # noqa: E402
from support.server import Server  # noqa: E402

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    """One server for all requests: what one test sends must not harm the next."""
    tcp = (f"127.77.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}", 8000)
    with Server(sockets={"http": Server.UNIX, "tcp": tcp},
                config={"threads": 2, "limit_request_body": 3_000_000,
                        "body_memory": 65536}) as running:
        running.tcp = tcp
        yield running


@pytest.fixture(params=FRAGMENTATIONS, ids=lambda how: how if isinstance(how, str)
                else "-".join(map(str, how)))
def how(request):
    return request.param


@pytest.fixture
def identity():
    """An id for the ledger that no other request has."""
    return f"r{next(_numbers)}"
