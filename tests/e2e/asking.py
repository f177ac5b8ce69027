# SPDX-License-Identifier: Apache-2.0
"""Requests to the sites in a machine, through its nginx."""

import contextlib
import json
from pathlib import Path

LOAD = Path(__file__).with_name("load.py").read_text()


def get(machine, path="/", port=80):
    return machine.out(f"curl -sS -m 30 http://127.0.0.1:{port}{path}")


@contextlib.contextmanager
def requests(machine, port=80):
    """Requests through nginx for as long as the block runs; yields their ledger, which
    is filled at the end."""
    machine.run("cat > /run/load.py <<'END'\n" + LOAD + "\nEND\n")
    client = machine.start(f"exec python3 /run/load.py {port}")
    ledger = {}
    try:
        assert client.stdout.readline() == "begun\n"
        yield ledger
    finally:
        rest, _ = client.communicate(timeout=60)
    ledger.update(json.loads(rest))
