# SPDX-License-Identifier: Apache-2.0
"""What the application was given for a request, used by its threads at any moment.

Every answer consists of its own name and nothing else, and no worker dies. CONTRIBUTING.md
says how to run this with sanitizers, which find what no answer shows.
"""

import random
import threading

import pytest

from support.client import Truncated, request
from support.server import Server

CLIENTS, REQUESTS = 4, 40


def client(server, number, seen, wrong):
    dice, connection = random.Random(number), None
    for serial in range(REQUESTS):
        connection = connection or server.connect()
        name = f"{number}-{serial}"
        target = f"/?name={name}&lines={dice.choice([1, 10, 20_000])}"
        connection.send(request("POST", target, body=b"line\n" * dice.choice([1, 40_000])))
        closes = True
        try:
            answer = connection.response()
            closes = answer.closes
            names = [answer.header("X-Name")] if answer.status == 200 else []
            names += [value for _, fields in answer.interim for _, value in fields]
            lines = answer.body.decode().splitlines() if answer.status == 200 else []
            wrong.extend({*names, *lines} - {name})
            seen.append(answer.status)
        except Truncated:
            seen.append(None)
        if closes:
            connection.close()
            connection = None


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_that_go_on_with_a_request_reach_no_other_and_crash_nothing(threads):
    seen, wrong = [], []
    with Server("meddling:application", expect=["."], config={
            "workers": 1, "threads": threads, "body_memory": 65536, "log_level": "info",
            "response_memory": 65536, "request_timeout": 60}) as server:
        before = server.await_workers(1)
        crowd = [threading.Thread(target=client, args=(server, n, seen, wrong))
                 for n in range(CLIENTS)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        assert server.workers() == before, "a worker died"
    assert not wrong
    assert len(seen) == CLIENTS * REQUESTS
    assert seen.count(200) > len(seen) / 2, seen
