# SPDX-License-Identifier: Apache-2.0
"""The set of conf/examples/aclarknet as it is, with nginx as user nginx; and what doctor
says of sites that are well."""

import pytest
import whales
from asking import get
from conftest import SERVICE, SOCKET
from whales import PORT

PATH = "/run/gunicorn/aclarknet.sock"
EXAMPLE = "/usr/share/doc/monodon/examples/aclarknet"


@pytest.fixture
def example(machine):
    units = "/etc/systemd/system"
    machine.run(
        f"systemctl stop {SERVICE} {SOCKET}; mkdir /run/before; "
        f"cp -a {units}/{SERVICE} {units}/{SOCKET} /etc/nginx/nginx.conf /run/before/; "
        "echo 'u nginx - - -' | systemd-sysusers -; "
        "sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf; systemctl restart nginx; "
        f"cp {EXAMPLE}/{SERVICE} {EXAMPLE}/{SOCKET} {units}/; "
        f"cp {EXAMPLE}/aclarknet.yaml /etc/monodon/; systemctl daemon-reload; "
        f"systemctl enable --now {SOCKET}"
    )
    yield machine
    machine.run(
        f"systemctl stop {SERVICE} {SOCKET}; cp -a /run/before/a* {units}/; "
        "cp -a /run/before/nginx.conf /etc/nginx/; rm -r /run/before /etc/monodon/aclarknet.yaml;"
        " systemctl daemon-reload; systemctl restart nginx"
    )


def test_the_example_set_serves_as_it_is_and_doctor_finds_nothing(example):
    assert example.show(SERVICE, "ActiveState") == "inactive"
    assert "Narwhal" in get(example)
    assert example.show(SERVICE, "ActiveState") == "active"
    assert example.out(f"stat -c '%U:%G %a' {PATH}") == "nginx:nginx 660"
    assert example.out("stat -c '%U:%G %a' /run/gunicorn") == "root:root 755"
    assert example.out("monodon doctor aclarknet") == "aclarknet: nothing found"
    assert "Narwhal" in get(example)
    example.run(f"systemctl reload {SERVICE}")
    example.run(f"systemctl stop {SERVICE}")
    assert "Narwhal" in get(example)


def test_doctor_finds_nothing_wrong_with_a_packaged_site(machine):
    whales.prepare(machine)
    whales.clear(machine)
    machine.run(f"systemctl enable --now {whales.SERVICE}")
    get(machine, port=PORT)
    said = machine.run("monodon doctor whales", check=False)
    whales.clear(machine)
    assert (said.stdout, said.returncode) == ("whales: nothing found\n", 0)
