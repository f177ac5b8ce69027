# SPDX-License-Identifier: Apache-2.0
"""Figures that are no load: memory, starting, reloading, idle connections."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import peers
import processes
import scenarios
from support import control


def by_name(name):
    return next(peer for peer in peers.PEERS if peer.name == name)


def start(bench, name, setup, argv=None):
    peer = by_name(name)
    address = str(bench.directory / "extra.sock")
    return processes.Running(argv or peer.argv(setup, address), address,
                             bench.directory / "extra.log")


def setup_for(bench, workers, module="whales", threads=1):
    return bench.setup(replace(scenarios.SCENARIOS[0], module=module, workers=workers,
                               threads=threads))


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |",
                      "| --- |" + " ---: |" * (len(head) - 1),
                      *["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]])


def warm(bench, server, requests):
    bench.load(server.address, ["-c", "8", "-n", str(requests), "-d", "20"])


def memory(bench):
    """PSS of everything of a server, Django, after some hundred requests."""
    counts = (1, 4, 16)
    rows = []
    preload = ["--preload"]
    for title, name, more in (("monodon", "monodon", []),
                              ("monodon, warm_up: /", "monodon", ["--warm-up", "/"]),
                              ("gunicorn sync", "gunicorn sync", []),
                              ("gunicorn sync, preload", "gunicorn sync", preload),
                              ("uwsgi", "uwsgi", []), ("granian", "granian", [])):
        row = [title]
        for workers in counts:
            setup = setup_for(bench, workers)
            argv = by_name(name).argv(setup, str(bench.directory / "extra.sock")) + more
            try:
                server = start(bench, name, setup, argv)
            except (RuntimeError, OSError) as error:
                row.append(str(error)[:60])
                continue
            try:
                warm(bench, server, 100 * workers)
                row.append(f"{server.pss_kb() / 1024:.0f}")
            finally:
                server.stop()
        rows.append(row)
    return "Memory of a Django site", table(
        ["PSS, MB", *[f"{n} worker{'s' if n > 1 else ''}" for n in counts]], rows)


def await_true(predicate, seconds=20):
    begin = time.perf_counter()
    while time.perf_counter() < begin + seconds:
        if predicate():
            return (time.perf_counter() - begin) * 1000
        time.sleep(0.0002)
    return float("nan")


def starting(bench):
    """From socket activation to the first answer; a further worker; a reload."""
    setup = setup_for(bench, 4)
    argv = by_name("monodon").argv(setup, str(bench.directory / "extra.sock"))
    directory = Path(argv[-1]).parent

    def serving():
        slots = control.ask(directory / "control.sock", {"op": "status"})["slots"]
        return [slot["pid"] for slot in slots if slot["state"] == "serving"]

    cold, ready, reload = [], [], []
    for _ in range(3):
        path = str(bench.directory / "activated.sock")
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(64)
            # As systemd does it: descriptor 3, with the pid of who gets it.
            code = ("import os,sys; os.dup2(int(sys.argv[1]), 3); "
                    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
                    "os.execv(sys.argv[2], sys.argv[2:])")
            begin = time.perf_counter()
            with open(bench.directory / "cold.log", "wb") as log:
                server = subprocess.Popen(
                    [sys.executable, "-S", "-I", "-c", code, str(listener.fileno()), *argv],
                    pass_fds=[listener.fileno()], start_new_session=True, stdout=log,
                    stderr=log)
            processes.ask(path, timeout=30)
            cold.append((time.perf_counter() - begin) * 1000)
            try:
                await_true(lambda: len(serving()) == 4)
                for n in range(5, 8):
                    server.send_signal(signal.SIGTTIN)
                    ready.append(await_true(lambda n=n: len(serving()) == n))
                old = set(serving())
                server.send_signal(signal.SIGHUP)
                reload.append(await_true(lambda: len(serving()) == 4 and not
                                         old & set(serving())))
            finally:
                server.terminate()
                server.wait(20)
    rows = [["socket activation to first answer, Django, 4 workers", f"{median(cold):.0f}"],
            ["one more worker serving after SIGTTIN", f"{median(ready):.1f}"],
            ["reload of 7 workers to 4, all of them replaced", f"{median(reload):.0f}"]]
    return "Starting and reloading", table(["Monodon", "median, ms"], rows)


def idle_connections(bench):
    """What kept-alive connections cost that say nothing."""
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 30_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    setup = setup_for(bench, 2, module="hello")
    server = start(bench, "monodon", setup)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    rows, held, words = [], [], ["-c", "4", "-k", "-r", "500", "-d", "3"]
    try:
        warm(bench, server, 2000)
        base = server.pss_kb()
        for count in (0, 1_000, 10_000):
            if count > most - 200:
                rows.append([f"{count:,}", "more than the limit of open files", ""])
                continue
            while len(held) < count:
                client = processes.connected(server.address)
                client.sendall(request)
                client.recv(4096)
                held.append(client)
            time.sleep(1.5)
            more = server.pss_kb() - base
            latency = bench.load(server.address, words)["fast"]
            rows.append([f"{count:,}", f"{more / count:.1f}" if count else "",
                         f"{latency['p50']:.0f} / {latency['p99']:.0f}"])
    finally:
        for client in held:
            client.close()
        server.stop()
    return "Idle kept-alive connections", table(
        ["connections", "kB each, user space", "p50 / p99 of 500 requests/s, µs"], rows)


def in_process(bench):
    """What the Django view costs without any server."""
    argv = [str(bench.python), str(peers.HERE / "apps" / "in_process.py"), "whales", "2"]
    costs = [float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
             for _ in range(3)]
    return "The Django view without a server", (
        f"{median(costs):.1f} µs of CPU a call ({min(costs):.1f} to {max(costs):.1f}).")


def all_of(bench):
    figures = []
    for measure in (in_process, memory, starting, idle_connections):
        print(measure.__doc__.splitlines()[0], flush=True)
        figures.append(measure(bench))
        print(figures[-1][1], flush=True)
    return figures
