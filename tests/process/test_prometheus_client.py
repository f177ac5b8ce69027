# SPDX-License-Identifier: Apache-2.0
"""The metrics of an application, compared with those that the real prometheus_client makes
of the same by itself, with its files."""

import json
import os
import signal
import subprocess

import pytest

from support import paths
from support.pypi import interpreter
from support.scrape import ask, await_exporter, watched

REFERENCE = """
import json, os, sys
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.parser import text_string_to_metric_families
if sys.argv[1] == "parse":
    text = sys.stdin.read()
else:
    for pid in sys.argv[2:]:
        mark_process_dead(int(pid))
    registry = CollectorRegistry(support_collectors_without_names=True)
    MultiProcessCollector(registry)
    text = generate_latest(registry).decode()
print(json.dumps([[f.name, f.type, f.documentation, s.name, sorted(s.labels.items()), s.value]
                  for f in text_string_to_metric_families(text) for s in f.samples]))
"""


def families(python, *arguments, text="", directory=""):
    """{(family, type, help, sample, labels): value}"""
    done = subprocess.run([python, "-c", REFERENCE, *arguments], input=text, text=True,
                          capture_output=True, check=False, timeout=60,
                          env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": directory})
    assert done.returncode == 0, done.stderr[-2000:]
    return {(*one[:4], tuple(map(tuple, one[4]))): one[5] for one in json.loads(done.stdout)}


class Processes:
    """One process of prometheus_client's own for each worker."""

    def __init__(self, python, directory):
        self.python, self.directory, self.by_worker = python, directory, {}

    def start(self, worker):
        self.by_worker[worker] = process = subprocess.Popen(
            [self.python, str(paths.APPS / "counting.py")], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": self.directory})
        assert process.stdout.readline() == "here\n"

    def act(self, worker, number):
        process = self.by_worker[worker]
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    def close(self):
        for process in self.by_worker.values():
            process.communicate(timeout=20)


def comparable(samples, pids):
    """Pids of the one as those of the other; times that passed differ, and are left out."""
    found = {}
    for (family, kind, text, name, labels), value in samples.items():
        if family.startswith("monodon_"):
            continue
        labels = tuple((k, pids.get(v, v) if k == "pid" else
                        float(v) if k == "le" else v) for k, v in labels)  # 1 is 1.0
        timed = family == "times_seconds" or ("view", "timed") in labels
        if not (timed and (name.endswith("_sum") or name.endswith("_bucket"))):
            found[family, kind, text, name, labels] = value
    return found


@pytest.mark.parametrize("preload", [True, False])
def test_it_shows_what_prometheus_client_shows(preload, tmp_path):
    python = interpreter("prometheus_client")
    processes = Processes(python, str(tmp_path))
    with watched("counting:application", expect=["SIGKILL"], config={
            "workers": 3, "preload": preload, "python": python, "restart_pause": 30}) as server:
        await_exporter(server)
        workers = server.await_workers(3)
        try:
            for pid in workers:
                processes.start(pid)
            dead = []
            for number in range(120):
                if number == 80:  # of the gauges of this one the live modes forget
                    dead = workers[:1]
                    os.kill(dead[0], signal.SIGKILL)
                    server.wait(lambda: dead[0] not in server.workers(), "its end")
                processes.act(int(server.get(f"/?n={number}").body), number)
            own = {str(p.pid): str(worker) for worker, p in processes.by_worker.items()}
            ours = comparable(families(python, "parse", text=ask(server).body.decode()), {})
            ended = [str(processes.by_worker[pid].pid) for pid in dead]
            theirs = comparable(families(python, "collect", *ended, directory=str(tmp_path)),
                                own)
        finally:
            processes.close()
        assert len(theirs) > 40
        different = {key: (ours.get(key), theirs.get(key)) for key in {*ours, *theirs}
                     if ours.get(key) != theirs.get(key)}
        assert not different, different
