# SPDX-License-Identifier: Apache-2.0
"""The Wagtail site of examples/aclarknet on MongoDB's protocol, put into service by the
deploy.sh of conf/examples/aclarknet with its units and its nginx file, nothing changed: as
user nginx behind HTTPS, under all restrictions of the unit."""

import shutil
import sys

import pytest
from conftest import SERVICE, SOCKET
from machine import wait_until
from trees import SOURCE

sys.path += [str(SOURCE / "tests"), str(SOURCE / "tests/wagtail")]

import stack  # noqa: E402
from walk import STEPS  # noqa: E402

EXAMPLE = "/usr/share/doc/monodon/examples/aclarknet"
LIVE = "/etc/letsencrypt/live/aclark.net"
HOME = "/srv/aclarknet"
AS_SITE = f"cd {HOME} && set -a && . ./.env && set +a && runuser -u aclarknet --"


def lay(stage):
    """What the machine copies, below `stage`: site, environments, certificate, walk."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    stack.certificate(stage)
    stack.copy_site(stage / "site")
    for name, requirements in {"environment": "requirements.txt",
                               "server": "requirements-server.txt"}.items():
        shutil.copytree(stack.environment(requirements), stage / name, symlinks=True)
    for name in ("walk.py", "browser.py"):
        shutil.copy(SOURCE / "tests/wagtail" / name, stage)
    variables = stack.SETTINGS | {"MONGODB_URI": "mongodb://127.0.0.1:27017"}
    (stage / "site/.env").write_text("".join(f'{k}="{v}"\n' for k, v in variables.items()))


@pytest.fixture(scope="module")
def wagtail(machine, staged):
    version = "python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'"
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if (theirs := machine.out(version)) != ours:
        pytest.skip(f"the site's packages were installed for Python {ours}, not {theirs}")
    lay(staged / "wagtail")
    units = "/etc/systemd/system"
    machine.run(
        f"systemctl stop {SERVICE} {SOCKET}; mkdir /run/before; mv {HOME} /run/before/site; "
        f"mv {units}/{SERVICE} {units}/{SOCKET} /etc/nginx/sites-enabled/default /run/before/; "
        "cp /etc/nginx/nginx.conf /run/before/; systemctl daemon-reload; "
        "echo 'u nginx - - -' | systemd-sysusers -; "
        "sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf; systemctl restart nginx; "
        f"cp -r /stage/wagtail/site {HOME}; cp -a /stage/wagtail/environment {HOME}/.venv; "
        f"chown -R aclarknet:aclarknet {HOME}; mkdir -p {LIVE} /srv/mongodb; "
        f"cp /stage/wagtail/*.pem {LIVE}/; cp {HOME}/mongodb_server.py /srv/mongodb/; "
        "cp -a /stage/wagtail/server /srv/mongodb/environment; systemctl start mongodb",
        timeout=120,
    )
    wait_until(lambda: "listening" in machine.out("journalctl -u mongodb -o cat"), 60,
               "the database")
    machine.run(f"{AS_SITE} .venv/bin/python manage.py prepare_site", timeout=180)
    deploy(machine, "--initial")
    yield machine
    machine.run(
        f"systemctl disable --now {SERVICE} {SOCKET} mongodb; rm -rf {HOME} /srv/mongodb {LIVE} "
        f"{units}/{SERVICE} {units}/{SOCKET} /etc/monodon/aclarknet.yaml "
        "/etc/nginx/conf.d/aclarknet.conf; cd /run/before; mv site /srv/aclarknet; "
        f"mv {SERVICE} {SOCKET} {units}/; mv default /etc/nginx/sites-enabled/; "
        "mv nginx.conf /etc/nginx/; rmdir /run/before; systemctl daemon-reload; "
        "systemctl restart nginx"
    )


def deploy(machine, *words):
    """The packages are there already; the machine has no network to ask for others."""
    done = machine.run(f"PIP_NO_INDEX=1 bash {EXAMPLE}/deploy.sh {' '.join(words)}",
                       check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr


def front_page(machine):
    return machine.run(
        f"curl -sS --cacert {LIVE}/fullchain.pem --resolve aclark.net:443:127.0.0.1 "
        "-w ' %{http_code}' https://aclark.net/", check=False).stdout


def test_the_wagtail_site_passes_its_walk_through_nginx(wagtail):
    done = wagtail.out(f"python3 /stage/wagtail/walk.py aclark.net 443 {LIVE}/fullchain.pem",
                       timeout=180)
    assert done.split() == STEPS
    assert wagtail.out("curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "
                       "-H 'Host: aclark.net' http://127.0.0.1/x") == "301 https://aclark.net/x"


def test_it_runs_as_the_example_says(wagtail):
    assert "<h1>Welcome</h1>" in front_page(wagtail)
    assert wagtail.out("stat -c '%U:%G %a' /run/gunicorn/aclarknet.sock") == "nginx:nginx 660"
    titles = wagtail.out("ps -u aclarknet -o args=").splitlines()
    assert len([title for title in titles if "worker" in title]) == 3, titles
    pid = wagtail.show(SERVICE, "MainPID")
    assert "Seccomp:\t2" in wagtail.out(f"cat /proc/{pid}/status")
    assert wagtail.out("monodon doctor aclarknet").splitlines()[0] == (
        "aclarknet: nothing found")


def test_a_deploy_of_new_code_reloads(wagtail):
    pid = wagtail.show(SERVICE, "MainPID")
    wagtail.run(f"sed -i 's/<h1>/<h1>New: /' {HOME}/home/templates/home/home_page.html")
    deploy(wagtail)
    assert "<h1>New: Welcome</h1>" in front_page(wagtail)
    assert wagtail.show(SERVICE, "MainPID") == pid
    wagtail.run(f"cd {HOME} && mv home/models.py home/models.bak && echo 1/0 > home/models.py")
    failed = wagtail.run(f"systemctl reload {SERVICE}", check=False, timeout=120)
    assert failed.returncode != 0
    assert "<h1>New: Welcome</h1>" in front_page(wagtail)
    wagtail.run(f"cd {HOME} && mv home/models.bak home/models.py && systemctl reload {SERVICE}",
                timeout=120)


def test_the_site_outlives_a_restart_of_its_database(wagtail):
    assert "<h1>" in front_page(wagtail)
    wagtail.run("systemctl restart mongodb")
    wait_until(lambda: front_page(wagtail).endswith(" 200"), 60, "the database is back")
    titles = wagtail.out("ps -u aclarknet -o args=").splitlines()
    assert len([title for title in titles if "worker" in title]) == 3, titles
