# SPDX-License-Identifier: Apache-2.0
"""Becomes the server, as systemd would start it: runs in the child, ends in execve.

Reads its orders from the environment variable LAUNCH (JSON): argv, environment, fds (the
numbers of the listening sockets, which become 3, 4, ...), names (null: no LISTEN_FDS),
limits, user, cgroup, old_kernel. LISTEN_PID must be the pid of the process that execs, hence this
step between.
"""

import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import socket
import struct


def refuse_where(call, error, *arguments):
    """From here on the system call of this number fails with this error where each of
    `arguments`, (number, value), is so (seccomp(2))."""
    load, equal, answer = 0x20, 0x15, 0x06
    lines = [(load, 0, 0, 0), (equal, 0, 1 + 2 * len(arguments), call)]
    for left, (number, value) in zip(range(len(arguments), 0, -1), arguments, strict=True):
        lines += [(load, 0, 0, 16 + 8 * number), (equal, 0, 2 * left - 1, value)]
    install([*lines, (answer, 0, 0, 0x00050000 | error), (answer, 0, 0, 0x7fff0000)])


def forget_seals():
    """A kernel before 5.1: F_ADD_SEALS knows no F_SEAL_FUTURE_WRITE."""
    fcntl_call = {"x86_64": 72, "aarch64": 25}[platform.machine()]
    add_seals, future_write_and_seal = 1033, 0x10 | 0x01
    refuse_where(fcntl_call, errno.EINVAL, (1, add_seals), (2, future_write_and_seal))


def refuse_pidfds():
    """A kernel before 5.3, or a sandbox."""
    refuse_where(434, errno.ENOSYS)  # pidfd_open(2)


def refuse_orphans():
    """QEMU's emulation of programs, before some version: prctl(2) knows no
    PR_SET_CHILD_SUBREAPER."""
    prctl_call = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    refuse_where(prctl_call, errno.EINVAL, (0, 36))


def forget_passrights():
    """From here on SO_PASSRIGHTS is an option that the kernel does not know, as before
    6.16 (seccomp(2))."""
    set_option, get_option = {"x86_64": (54, 55), "aarch64": (208, 209)}[platform.machine()]
    load, equal, answer = 0x20, 0x15, 0x06
    allow, no_such_option = 0x7fff0000, 0x00050000 | errno.ENOPROTOOPT
    so_passrights = 83
    lines = [(load, 0, 0, 0), (equal, 1, 0, set_option), (equal, 0, 5, get_option),
             (load, 0, 0, 24), (equal, 0, 3, socket.SOL_SOCKET),
             (load, 0, 0, 32), (equal, 0, 1, so_passrights),
             (answer, 0, 0, no_such_option), (answer, 0, 0, allow)]
    install(lines)


def refuse_calls(first, last, error):
    """System calls of these numbers fail with this error from here on."""
    load, at_least, above, answer = 0x20, 0x35, 0x25, 0x06
    lines = [(load, 0, 0, 0), (at_least, 0, 2, first), (above, 1, 0, last),
             (answer, 0, 0, 0x00050000 | error), (answer, 0, 0, 0x7fff0000)]
    install(lines)


def forget_what_is_newer():
    """From here on it is Linux 5.10: what came later is not known."""
    close_range, newest = 436, 600
    refuse_calls(close_range + 5, newest, errno.ENOSYS)  # epoll_pwait2(2) was 5.11
    # Known since 5.9, but not its flag.
    load, equal, answer = 0x20, 0x15, 0x06
    install([(load, 0, 0, 0), (equal, 0, 3, close_range), (load, 0, 0, 32),
             (equal, 1, 0, 0), (answer, 0, 0, 0x00050000 | errno.EINVAL),
             (answer, 0, 0, 0x7fff0000)])


def forget_close_range():
    """A sandbox that has never heard of it, nor of what came after it."""
    refuse_calls(436, 600, errno.ENOSYS)


def install(lines):
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HP", len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()  # PR_SET_SECCOMP


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
    if orders["old_kernel"]:
        forget_passrights()
    if orders["old_kernel"] in ("5.10", "sandbox"):
        # What a program may be born with, and knows nothing of.
        os.dup2(os.open("/etc/passwd", os.O_RDONLY), 150)
    if orders["old_kernel"] == "5.10":
        forget_what_is_newer()
    if more := {"sandbox": forget_close_range, "5.0": forget_seals, "pidfds": refuse_pidfds,
                "orphans": refuse_orphans}.get(orders["old_kernel"]):
        more()
    os.execve(orders["argv"][0], orders["argv"], environment)


main()
