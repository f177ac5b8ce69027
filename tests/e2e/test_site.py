# SPDX-License-Identifier: Apache-2.0
"""A site set up from nothing by what `monodon init` writes, looked at by `monodon doctor`
while it runs, and deployed anew."""

import json

import pytest

NAME = "checkup"
HOME = f"/srv/{NAME}"
SOCKET = f"/run/gunicorn-{NAME}/{NAME}.sock"


@pytest.fixture(scope="module", name="checkup")
def fixture_checkup(machine):
    machine.run(
        f"cp -r /srv/aclarknet {HOME} && rm -rf {HOME}/logs {HOME}/run && "
        f"mkdir -p {HOME}/.venv/bin && ln -s /usr/bin/python3 {HOME}/.venv/bin/python && "
        f"useradd --system --user-group {NAME} && chown -R {NAME}:{NAME} {HOME} && "
        f"cd {HOME} && monodon init --output deployment --server-name {NAME}.test "
        f"--socket {SOCKET} --application demo.wsgi:application"
    )
    done = machine.run(f"{HOME}/deployment/deploy.sh --initial", check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    yield machine
    machine.run(
        f"systemctl disable --now {NAME}.socket {NAME}.service; userdel {NAME}; "
        f"rm -rf {HOME} /etc/monodon/{NAME}.yaml /etc/systemd/system/{NAME}.* "
        f"/etc/nginx/conf.d/{NAME}.conf; systemctl daemon-reload; systemctl reload nginx"
    )


def doctor(machine):
    done = machine.run(f"monodon doctor --json {NAME}", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == told["status"], done.stderr
    return {finding["id"]: finding for finding in told["findings"]}


def ask(machine):
    return machine.out(f"curl -sS -m 30 -o /dev/null -w '%{{http_code}}' "
                       f"-H 'Host: {NAME}.test' http://127.0.0.1/")


def test_the_deployed_site_answers_through_nginx_and_doctor_finds_nothing(checkup):
    assert ask(checkup) == "200"
    assert doctor(checkup) == {}
    assert checkup.show(f"{NAME}.service", "ActiveState") == "active"


def test_a_deploy_reloads_and_loses_nothing(checkup):
    before = checkup.show(f"{NAME}.service", "MainPID")
    done = checkup.run(f"{HOME}/deployment/deploy.sh", check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert checkup.show(f"{NAME}.service", "MainPID") == before
    assert "it answers 200" in done.stdout
