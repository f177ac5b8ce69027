# SPDX-License-Identifier: Apache-2.0
"""A site set up from nothing, by what `monodon init` writes."""

import json

NAME = "checkup"
HOME = f"/srv/{NAME}"
SERVICE = f"{NAME}.service"
SOCKET = f"{NAME}.socket"
PATH = f"/run/gunicorn-{NAME}/{NAME}.sock"
UNITS = "/etc/systemd/system"
NGINX = f"/etc/nginx/conf.d/{NAME}.conf"
SETTINGS = f"/etc/monodon/{NAME}.yaml"


def deploy(machine):
    machine.run(
        f"cp -r /srv/aclarknet {HOME} && rm -rf {HOME}/logs {HOME}/run && "
        f"python3 -m venv --system-site-packages {HOME}/.venv && "
        f"useradd --system --user-group {NAME} && chown -R {NAME}:{NAME} {HOME} && "
        f"cd {HOME} && monodon init --output deployment --server-name {NAME}.test "
        f"--socket {PATH} --application demo.wsgi:application"
    )
    done = machine.run(f"{HOME}/deployment/deploy.sh --initial", check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def remove(machine):
    machine.run(
        f"systemctl disable --now {SOCKET} {SERVICE}; userdel {NAME}; "
        f"rm -rf {HOME} {SETTINGS} {UNITS}/{NAME}.* {NGINX}; "
        "systemctl daemon-reload; systemctl reload nginx"
    )


def doctor(machine):
    """Findings by their names."""
    done = machine.run(f"monodon doctor --json {NAME}", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == told["status"], done.stderr
    return {finding["id"]: finding["what"] for finding in told["findings"]}


def ask(machine):
    """The status that nginx answers, and its own word on why."""
    machine.run("truncate -s 0 /var/log/nginx/error.log")
    status = machine.out(f"curl -sS -m 30 -o /dev/null -w '%{{http_code}}' "
                         f"-H 'Host: {NAME}.test' http://127.0.0.1/")
    return status + " " + machine.out("cat /var/log/nginx/error.log")
