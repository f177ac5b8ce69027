# SPDX-License-Identifier: Apache-2.0
"""A server under measurement: started in a session of its own, so that all its
processes are found."""

import os
import re
import signal
import socket
import subprocess
import time


def family(root):
    """Pids of a process, of its descendants, and of what shares its session with it:
    a server may fork into sessions of its own, and processes may lose their parents."""
    parents, members = {}, {root}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] == "Z":
                continue
            parents[int(name)] = int(fields[1])
            if int(fields[3]) == root:
                members.add(int(name))
    while more := {pid for pid, up in parents.items() if up in members} - members:
        members |= more
    return sorted(members & parents.keys())


def cpu_ns(pids):
    """Time on a CPU of all threads so far (schedstat has nanoseconds, stat ticks)."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        except OSError:
            continue
    return total


def pss_kb(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
        except (OSError, TypeError):
            continue
    return total


def connected(address, timeout=10):
    made = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    made.settimeout(timeout)
    made.connect(address)
    return made


def ask(address, path="/", timeout=10):
    """The status line of one answer."""
    with connected(address, timeout) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return client.recv(4096).split(b"\r\n", 1)[0].decode("latin-1")


class Running:
    """One server. `address`: path of a Unix socket, or (host, port)."""

    def __init__(self, argv, address, log, environment=None, timeout=30):
        self.address = address
        if isinstance(address, str) and os.path.exists(address):
            os.unlink(address)
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env=os.environ | (environment or {}))
        self.log = log
        self._await_answer(timeout)

    def _await_answer(self, timeout):
        end = time.monotonic() + timeout
        problem = "no answer"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                problem = f"ended with status {self.process.returncode}"
                break
            try:
                status = ask(self.address, timeout=2)
                if " 200 " in status + " ":
                    return
                problem = f"answered {status!r}"
            except OSError as error:
                problem = str(error)
            time.sleep(0.02)
        self.stop()
        with open(self.log, "rb") as file:
            last = file.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        raise RuntimeError(f"{problem}: {' '.join(last)[:200]}")

    def pids(self):
        return family(self.process.pid)

    def cpu_ns(self):
        return cpu_ns(self.pids())

    def pss_kb(self):
        return pss_kb(self.pids())

    def stop(self):
        # By pidfd: a number may be another process's by then.
        handles = []
        for pid in self.pids():
            try:
                handles.append(os.pidfd_open(pid))
            except ProcessLookupError:
                continue
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        for handle in handles:
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.close(handle)
        self.process.wait()
