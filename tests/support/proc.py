# SPDX-License-Identifier: Apache-2.0
"""What /proc says about processes."""

import os
import re
import select
import signal
import socket
import subprocess
import time


def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def title(pid):
    return _read(pid, "cmdline").rstrip(b"\0 ").replace(b"\0", b" ").decode("utf-8", "replace")


def comm(pid):
    return _read(pid, "comm").decode().strip()


def state(pid):
    """One letter: R, S, D, T, Z; "" when there is no such process."""
    match = re.match(rb"\d+ \(.*\) (\S)", _read(pid, "stat"), re.DOTALL)
    return match.group(1).decode() if match else ""


def parent(pid):
    match = re.match(rb"\d+ \(.*\) \S (\d+)", _read(pid, "stat"), re.DOTALL)
    return int(match.group(1)) if match else 0


def children(pid):
    return sorted(p for p in pids() if parent(p) == pid)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def with_environment(mark):
    """Processes (zombies left out) whose environment at exec held the bytes `mark`."""
    return sorted(p for p in pids() if mark in _read(p, "environ") and state(p) != "Z")


def descriptors(pid):
    """Open descriptors: {number: what it is}."""
    found = {}
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return found
    for number in numbers:
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    """User and system time used so far, in clock ticks of 10 ms."""
    fields = _read(pid, "stat").rsplit(b")", 1)[-1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def peak_memory(pid):
    """Highest resident set so far, in bytes."""
    match = re.search(rb"VmHWM:\s+(\d+) kB", _read(pid, "status"))
    return int(match.group(1)) * 1024 if match else 0


def threads(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def ended(pid, timeout):
    """Waits for the end of any process; False when it still lives after `timeout` s."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(timeout * 1000))
    finally:
        os.close(fd)


def kill(pid, how=signal.SIGKILL):
    assert pid > 1, pid
    os.kill(pid, how)


def listening(path):
    """True when somebody accepts connections on the Unix socket `path`."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


class Killed:
    """SIGKILLs a process of which nobody knows what it is doing, and knows afterwards
    which Unix connections it held: only what hung on them may be lost.

    peers    inodes of the other ends of its connections (column of `ss -x`)
    shared   how many of them are those of `others` (pids)
    began    CLOCK_MONOTONIC just before; from then on it answered nothing
    ended    ... when all its descriptors were closed
    """

    def __init__(self, pid, others=()):
        self.pid = pid
        pidfd = os.pidfd_open(pid)
        self.began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        while not self._stands_still():
            pass
        mine = sockets(pid)
        self.peers = {peer for own, peer in _unix_connections() if own in mine}
        self.shared = sum(len(self.peers & sockets(other)) for other in others)
        os.kill(pid, signal.SIGKILL)
        select.select([pidfd], [], [])
        self.ended = time.monotonic()
        os.close(pidfd)

    def _stands_still(self):
        """Also when it ended by itself meanwhile."""
        threads = [_read(self.pid, f"task/{tid}/stat") for tid in _tasks(self.pid)]
        return all(re.search(rb"\) [TZX] ", stat) or not stat for stat in threads)


def _tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _unix_connections():
    """(inode, inode of the other end) of each."""
    lines = subprocess.run(["ss", "-xH"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return [(int(line.split()[-3]), int(line.split()[-1])) for line in lines]


def sockets(pid):
    """Inodes of its sockets."""
    return {int(name[8:-1]) for name in descriptors(pid).values()
            if name.startswith("socket:[")}
