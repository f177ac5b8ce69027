# SPDX-License-Identifier: Apache-2.0
"""What a real journald has of a worker's death, and how it is found there."""

import json

from asking import get
from machine import wait_until
from whales import PORT, SERVICE, site  # noqa: F401

# Of base/log/log_id.cc: they never change.
DIED = "e392568e58894e57b58c58bfff1533e4"


def entries(machine, match):
    lines = machine.out(f"journalctl -u {SERVICE} -b -o json --no-pager {match}").splitlines()
    return [json.loads(line) for line in lines]


def test_a_death_is_found_by_its_message_id_with_native_fields(site):
    get(site, port=PORT)
    status = json.loads(site.out("monodon status --json --control "
                                 "/run/monodon-whales/control.sock"))
    slot = status["slots"][0]
    assert slot["pid"] > 1, status  # kill(1) of 0 would end the shell, and us
    site.run(f"kill -SEGV {slot['pid']}")
    entry, = wait_until(lambda: entries(site, f"MESSAGE_ID={DIED}"), 30, "the message")
    assert entry["EVENT"] == "worker_died" and entry["PRIORITY"] == "3"
    assert entry["WORKER"] == str(slot["slot"])
    assert entry["WORKER_PID"] == str(slot["pid"])
    assert entry["GENERATION"] == "1"
    assert "SIGSEGV" in entry["MESSAGE"]
    assert entry["_SYSTEMD_UNIT"] == SERVICE
    # The journal's own matches on our fields.
    assert entries(site, f"WORKER_PID={slot['pid']} EVENT=worker_died") == [entry]
    told = {entry["EVENT"] for entry in entries(site, "") if "EVENT" in entry}
    assert {"server_started", "server_listening", "worker_ready", "worker_died"} <= told
