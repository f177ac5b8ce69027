# SPDX-License-Identifier: Apache-2.0
"""`monodon doctor` on a machine where things are wrong: each fault is made for real, its
symptom is seen where it has one, doctor names it, and nothing that is not there, and what it
says to do is enough. `make doctor-tests`; silence about a healthy site is in `make e2e`."""

import os
import re

import checkup
import pytest
from checkup import (HOME, NGINX, PATH, SERVICE, SETTINGS, SOCKET, UNITS, ask, doctor, examine,
                     follow)
from conftest import SERVICE as ANOTHER
from conftest import SOCKET as ANOTHERS
from faults import FAULTS
from machine import wait_until
from planted import PLANTED

GOOD = "/run/good"
planting = pytest.mark.skipif(os.environ.get("MONODON_DOCTOR") != "1",
                              reason="make doctor-tests: five minutes")
RESTORE = f"""
systemctl stop {SERVICE} {SOCKET} gunicorn.socket gunicorn.service 2> /dev/null
umount {HOME}/logs 2> /dev/null; systemctl stop metrics-thief 2> /dev/null
systemctl unmask {SERVICE} {SOCKET} 2> /dev/null
rm -rf {UNITS}/{SERVICE}.d {UNITS}/{SOCKET}.d {UNITS}/gunicorn.* {HOME} {PATH} \
    /usr/lib/systemd/system/{checkup.NAME}.* /run/vault
cp -a {GOOD}/home {HOME}
cp -a {GOOD}/{SERVICE} {GOOD}/{SOCKET} {UNITS}/
cp -a {GOOD}/settings {SETTINGS}; cp -a {GOOD}/nginx {NGINX}
echo 4096 > /proc/sys/net/core/somaxconn
set -e
systemctl daemon-reload; systemctl -q enable {SOCKET} {SERVICE}
systemctl reset-failed; systemctl start {SOCKET} {SERVICE}; systemctl restart nginx
"""


@pytest.fixture(scope="module")
def healthy(machine):
    # A site of the tests before has the address for metrics, which doctor would tell.
    machine.run(f"systemctl stop {ANOTHER} {ANOTHERS}", check=False)
    checkup.deploy(machine)
    machine.run(f"mkdir {GOOD}; cp -a {HOME} {GOOD}/home; cp -a {SETTINGS} {GOOD}/settings; "
                f"cp -a {UNITS}/{SERVICE} {UNITS}/{SOCKET} {GOOD}/; cp -a {NGINX} {GOOD}/nginx")
    yield machine
    machine.run(RESTORE + f"rm -rf {GOOD}")
    checkup.remove(machine)


@pytest.fixture
def patient(healthy):
    healthy.run(RESTORE)
    return healthy


@planting
@pytest.mark.parametrize("name", FAULTS)
def test_doctor_finds_nothing_but(patient, name):
    plant, findings, answer = FAULTS[name]
    patient.run(plant)
    if answer:
        seen = ask(patient)
        assert re.match(answer, seen, re.DOTALL), seen
    assert set(doctor(patient)) == findings


@planting
@pytest.mark.parametrize("name", PLANTED)
def test_the_remedy_heals_at_the_first_try(patient, name):
    """The fault is made and its symptom seen; doctor names the cause first, and nothing that
    is not there; what it says to do is done, word for word; the site is well."""
    fault = PLANTED[name]
    patient.run(fault.plant, timeout=120)
    if fault.answer:
        seen = ask(patient)
        assert re.match(fault.answer, seen, re.DOTALL), seen
    told = examine(patient)
    assert [finding["id"] for finding in told["findings"]] == fault.found, told
    said = " ".join(f"{finding['what']} {finding['remedy']}" for finding in told["findings"])
    for words in fault.words:
        assert words in said, said
    if fault.cure:
        patient.run(fault.cure)
    follow(patient, told)
    wait_until(lambda: ask(patient).startswith("200"), 20, "the site")
    assert doctor(patient) == {}


def test_doctor_finds_nothing_where_nothing_is_wrong(patient):
    assert doctor(patient) == {}
    assert doctor(patient) == {}, "looking is no fault"
