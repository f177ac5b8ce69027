# SPDX-License-Identifier: Apache-2.0
"""Everything that the threads of one worker do to the same connections, at once.

Wrong answers fail it in any build. In one for ThreadSanitizer (CONTRIBUTING.md) what it
finds is in the log, and fails it as well.
"""

import collections
import random
import signal
import threading

from support.client import Truncated, request
from support.server import Server
from support.until import PATIENCE

CLIENTS, REQUESTS = 10, 80
LATE = f"/sleep?{round(900 * PATIENCE)}"  # whoever is to notice may be slow, too
ANSWERS = {"/x": {200}, "/echo": {200}, "/sleep?5": {200}, "/spin?3": {200}, "/throw": {500},
           "/stream?3000": {200, None}, "/cut": {None}, LATE: {504, None}}


def client(server, seed, seen):
    """Slow readers, clients that leave, small and large bodies, deadlines."""
    dice, connection = random.Random(seed), None
    for _ in range(REQUESTS):
        connection = connection or server.connect(receive_buffer=4096 if seed % 2 else None)
        path = dice.choices(list(ANSWERS), [6, 4, 2, 2, 2, 4, 1, 1])[0]
        body = b"x" * dice.choice([0, 10, 200_000]) if path == "/echo" else None
        connection.send(request("GET" if body is None else "POST", path, body=body))
        status = answer = None
        if dice.random() > 0.03:
            try:
                answer = connection.response()
                status = answer.status
                assert answer.body == body or path != "/echo"
            except Truncated:
                pass
            seen.append((path, status))
        if answer is None or answer.closes:
            connection.close()
            connection = None
    if connection:
        connection.close()


def test_threads_of_a_worker_share_connections_without_a_race():
    seen = []
    with Server("native:test", expect=["."], config={
            "workers": 2, "threads": 4, "max_requests": 150, "body_memory": 65536,
            "response_memory": 65536, "request_timeout": 0.5, "slow_request": 0.3,
            "graceful_timeout": 3, "access_log": "-", "log_level": "info"}) as server:
        crowd = [threading.Thread(target=client, args=(server, seed, seen))
                 for seed in range(CLIENTS)]
        for one in crowd:
            one.start()
        for _ in range(4):
            server.send_signal(signal.SIGHUP)
            server.get("/sleep?50")
            server.send_signal(signal.SIGUSR1)
        for one in crowd:
            one.join()
        server.await_workers(2)
    wrong = [pair for pair in seen if pair[1] not in ANSWERS[pair[0]]]
    assert not wrong, collections.Counter(wrong)
    assert {path for path, _ in seen} == set(ANSWERS)
    assert len(seen) > CLIENTS * REQUESTS * 0.9
