# SPDX-License-Identifier: Apache-2.0
"""A site set up from nothing, by what `monodon init` writes."""

import json
import re

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


def examine(machine, words=NAME):
    """What doctor says, as it says it to programs."""
    done = machine.run(f"monodon doctor --json {words}", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == told["status"], done.stderr
    return told


def doctor(machine):
    """Findings by their names."""
    return {finding["id"]: finding["what"] for finding in examine(machine)["findings"]}


COMMAND = re.compile(r"(?:^|then |and |: |&& )((?:systemctl|chmod|chown|rm) .*?)(?: \(|$)")
LINES = re.compile(r"in \[(\w+)\] of ([\w@.-]+): (.+)")


def follow(machine, told):
    """Does what the remedies say, from the first finding to the last: lines for a unit, and
    commands. What a remedy says in prose is for the test to do before."""
    number = 0
    for finding in told["findings"]:
        for part in finding["remedy"].split("; "):
            if lines := LINES.search(part):
                number += 1
                section, unit, text = lines.groups()
                text = text.replace(", ", "\\n")
                machine.run(f"mkdir -p {UNITS}/{unit}.d; printf '[{section}]\\n{text}\\n' > "
                            f"{UNITS}/{unit}.d/remedy{number}.conf")
            elif command := COMMAND.search(part):
                machine.run(command[1])


def ask(machine):
    """The status that nginx answers, and its own word on why."""
    machine.run("truncate -s 0 /var/log/nginx/error.log")
    status = machine.out(f"curl -sS -m 30 -o /dev/null -w '%{{http_code}}' "
                         f"-H 'Host: {NAME}.test' http://127.0.0.1/")
    return status + " " + machine.out("cat /var/log/nginx/error.log")
