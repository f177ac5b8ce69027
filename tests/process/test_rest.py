# SPDX-License-Identifier: Apache-2.0
"""What a server costs while nothing happens: how often its processes wake up."""

import os
import time

from support import proc
from support.server import Server

WORKERS = 8
# Keepers rest once they have had nothing to do for ten seconds.
UNTIL_REST_S, MEASURED_S = 12, 10
# A second: a worker's keeper, the master, the exporter; others are the zygote.
MOST = {"monodon-worker": 0.6, "monodon": 3, "monodon-exporte": 2.5, "monodon-zygote": 1}


def wakeups(pid):
    """How often its threads have begun to wait by themselves, up to now."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file
                          if line.startswith("voluntary_ctxt_switches"))
    return total


def test_at_rest_processes_hardly_wake_up():
    with Server(config={"workers": WORKERS},
                environment={"MONODON_METRICS_BIND": "127.0.0.1:0"}) as server:
        server.await_workers(WORKERS)
        assert server.get("/").status == 200
        time.sleep(UNTIL_REST_S)  # rest is what is measured
        pids = {pid: proc.comm(pid) for pid in server.processes()}
        before = {pid: wakeups(pid) for pid in pids}
        time.sleep(MEASURED_S)
        rates = {(name, pid): (wakeups(pid) - before[pid]) / MEASURED_S
                 for pid, name in pids.items()}
        print({key: round(rate, 2) for key, rate in rates.items()})
        assert sorted(pids.values()).count("monodon-worker") == WORKERS
        assert set(pids.values()) == set(MOST)
        assert not {key: rate for key, rate in rates.items() if rate > MOST[key[0]]}
        # Rest is over at once: who works is looked after again.
        assert server.get("/").status == 200
