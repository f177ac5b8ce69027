# SPDX-License-Identifier: Apache-2.0
"""Becomes the server, as systemd would start it: runs in the child, ends in execve.

Reads its orders from the environment variable LAUNCH (JSON): argv, environment, fds (the
numbers of the listening sockets, which become 3, 4, ...), names (null: no LISTEN_FDS),
limits, user, cgroup. LISTEN_PID must be the pid of the process that execs, hence this
step between.
"""

import fcntl
import json
import os
import resource


def main():
    orders = json.loads(os.environ["LAUNCH"])
    environment = orders["environment"]
    # Out of the way first: a target number may be taken by a source.
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in orders["fds"]]
    for number, fd in enumerate(moved, 3):
        os.dup2(fd, number, inheritable=True)
    os.closerange(3 + len(moved), 200)
    if moved and orders["names"] is not None:
        environment["LISTEN_PID"] = str(os.getpid())
        environment["LISTEN_FDS"] = str(len(moved))
        environment["LISTEN_FDNAMES"] = ":".join(orders["names"])
    for name, value in orders["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if orders["cgroup"]:
        with open(orders["cgroup"] + "/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")
    if orders["user"]:
        os.setgroups([])
        os.setresgid(*[orders["user"][1]] * 3)
        os.setresuid(*[orders["user"][0]] * 3)
    for signal_fd in orders["close"]:
        os.close(signal_fd)
    os.umask(orders["umask"])
    os.execve(orders["argv"][0], orders["argv"], environment)


main()
