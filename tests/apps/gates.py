# SPDX-License-Identifier: Apache-2.0
"""The application's side of tests/support: gates and the ledger."""

import os
import socket

DIRECTORY = os.environ["GATES_DIRECTORY"]


def wait(name):
    """Tells the test that we are here, and waits for its word."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(f"{DIRECTORY}/gates.sock")
        connection.send(f"{name} {os.getpid()}".encode())
        return connection.recv(4096).decode()


def record(what, identity):
    line = f"{what} {identity} {os.getpid()}\n".encode()
    fd = os.open(f"{DIRECTORY}/ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)
