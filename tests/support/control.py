# SPDX-License-Identifier: Apache-2.0
"""The control socket of a master: JSON lines."""

import json
import os
import socket


def ask(path, order, timeout=10):
    """The answer to one order; descriptors that come along are closed."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(timeout)
        asking.connect(str(path))
        asking.sendall(json.dumps(order).encode() + b"\n")
        text = b""
        while not text.endswith(b"\n"):
            data, fds, _, _ = socket.recv_fds(asking, 65536, 254)
            for fd in fds:
                os.close(fd)
            if not data:
                raise ConnectionError("the master hung up")
            text += data
        return json.loads(text)
