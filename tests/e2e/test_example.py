# SPDX-License-Identifier: Apache-2.0
"""The set of conf/examples/aclarknet as it is, put in place by its deploy.sh on a machine
that has never seen the site, with nginx as user nginx; and what doctor says of sites that
are well."""

import json

import pytest
import whales
from asking import get
from conftest import SERVICE, SOCKET
from trees import CACHE, alone, run
from whales import PORT

PATH = "/run/gunicorn/aclarknet.sock"
EXAMPLE = "/usr/share/doc/monodon/examples/aclarknet"
HOME = "/srv/aclarknet"
LIVE = "/etc/letsencrypt/live/aclark.net"
# What a shell would take apart, and systemd does not.
SECRET = "django-insecure-a$b(c&d#e"
DJANGO = f"""
import os
from demo.settings import *
SECRET_KEY = os.environ["SECRET_KEY"]
assert SECRET_KEY == "{SECRET}", SECRET_KEY
ALLOWED_HOSTS = ["aclark.net", "www.aclark.net"]
STATIC_ROOT = "{HOME}/static"
MEDIA_ROOT = "{HOME}/media"
"""
ENTRY = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "aclarknet.settings"
from demo.wsgi import application
"""
MANAGE = f"""{ENTRY.replace("from demo.wsgi import application", "")}
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


# First: what follows has another user for nginx.
def test_doctor_finds_nothing_wrong_with_a_packaged_site(machine):
    whales.prepare(machine)
    whales.clear(machine)
    machine.run(f"systemctl stop {SERVICE} {SOCKET}", check=False)  # has the same metrics_bind
    machine.run(f"systemctl enable --now {whales.SERVICE}")
    get(machine, port=PORT)
    said = machine.run("monodon doctor whales", check=False)
    whales.clear(machine)
    assert said.stdout.startswith("whales: nothing found\n") and said.returncode == 0


@pytest.fixture(scope="session")
def wheels(staged):
    """Django for the site's own virtual environment; the machine has no network."""
    kept = CACHE / "wheels"
    with alone("wheels"):
        if not kept.is_dir():
            draft = CACHE / "wheels.draft"
            run("/usr/bin/python3", "-m", "venv", CACHE / "pip")
            run(CACHE / "pip/bin/pip", "download", "--quiet", "--disable-pip-version-check",
                "--dest", draft, "django==5.2.*")
            draft.rename(kept)
    run("cp", "-r", kept, staged)


@pytest.fixture(scope="module")
def example(machine, wheels):
    """A machine with a certificate and the site's code, in which root has run deploy.sh
    --initial; machine.deployed is what that said."""
    units = "/etc/systemd/system"
    whales.write(machine, "/run/example.sh", f"""
systemctl stop {SERVICE} {SOCKET}; mkdir /run/before
mv {units}/{SERVICE} {units}/{SOCKET} {HOME} /etc/nginx/sites-enabled/default /run/before/
cp -a /etc/nginx/nginx.conf /run/before/
set -e
userdel aclarknet; systemctl daemon-reload; systemctl reset-failed
echo 'u nginx - - -' | systemd-sysusers -
sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf; systemctl restart nginx
mkdir -p {LIVE}
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=aclark.net -days 2 \\
    -keyout {LIVE}/privkey.pem -out {LIVE}/fullchain.pem 2> /dev/null
cp -r --preserve=mode /stage/root{HOME} {HOME}; rmdir {HOME}/logs
echo 'django==5.2.*' > {HOME}/requirements.txt
printf '%s\\n' 'SECRET_KEY={SECRET}' 'SITE_STATE={HOME}/logs' > {HOME}/.env; chmod 0600 {HOME}/.env
cp -r {EXAMPLE} /srv/deployment
""")
    machine.run("sh /run/example.sh")
    for path, text in {"aclarknet/settings.py": DJANGO, "aclarknet/wsgi.py": ENTRY,
                       "manage.py": MANAGE}.items():
        whales.write(machine, f"{HOME}/{path}", text)
    machine.deployed = deploy(machine, "--initial")
    yield machine
    machine.run(
        f"systemctl disable --now {SERVICE} {SOCKET}; rm -r {HOME} /srv/deployment {LIVE} "
        "/etc/nginx/conf.d/aclarknet.conf /etc/monodon/aclarknet.yaml; userdel aclarknet; "
        "echo 'u aclarknet - - /srv/aclarknet' | systemd-sysusers -; "
        f"mv /run/before/aclarknet {HOME}; mv /run/before/aclarknet.* {units}/; "
        "mv /run/before/default /etc/nginx/sites-enabled/; "
        "cp -a /run/before/nginx.conf /etc/nginx/; rm -r /run/before; "
        f"chown -R aclarknet:aclarknet {HOME}; systemctl daemon-reload; "
        "systemctl restart nginx"
    )


def deploy(machine, *words):
    # Its own is that of the distribution that the example is for.
    python = "PYTHON=$(command -v python3.13 || command -v python3)"
    return machine.run(f"PIP_NO_INDEX=1 PIP_FIND_LINKS=/stage/wheels {python} "
                       f"/srv/deployment/deploy.sh {' '.join(words)}", check=False, timeout=180)


def visit(machine, path, *options, scheme="https"):
    return machine.out(
        f"curl -sS -k -m 30 --resolve aclark.net:443:127.0.0.1 --resolve "
        f"aclark.net:80:127.0.0.1 {' '.join(options)} {scheme}://aclark.net{path}")


def test_the_example_set_is_deployed_as_it_is_and_doctor_finds_nothing(example):
    done = example.deployed
    assert done.returncode == 0, done.stdout + done.stderr
    assert example.out("monodon doctor aclarknet").splitlines() == [
        "aclarknet: nothing found", "aclarknet: workers share one import of the application"]
    assert "Narwhal" in visit(example, "/")
    told = json.loads(visit(example, "/server.json"))
    assert told["process"]["interpreter"] == f"{HOME}/.venv/bin/python"
    assert told["environ"]["wsgi.url_scheme"] == "https"
    code = "-o /dev/null -w '%{http_code} %{redirect_url}'"
    assert visit(example, "/a?b=c", code, scheme="http") == "301 https://aclark.net/a?b=c"


def test_static_files_and_uploads_come_from_nginx(example):
    example.run(f"echo upload > {HOME}/media/a.txt; systemctl stop {SERVICE} {SOCKET}")
    assert "body" in visit(example, "/static/catalogue/site.css")
    assert visit(example, "/media/a.txt") == "upload"
    example.run(f"systemctl start {SOCKET}")


def test_the_socket_of_the_example_outlives_its_service(example):
    example.run(f"systemctl stop {SERVICE}")
    assert example.show(SERVICE, "ActiveState") == "inactive"
    assert example.out(f"stat -c '%U:%G %a' {PATH}") == "nginx:nginx 660"
    assert example.out("stat -c '%U:%G %a' /run/gunicorn") == "root:root 755"
    assert "Narwhal" in visit(example, "/")
    assert example.show(SERVICE, "ActiveState") == "active"


def test_the_units_of_the_example_are_as_restricted_as_the_packaged_ones(example):
    analysed = example.out(f"systemd-analyze security --no-pager {SERVICE} | tail -1")
    assert float(analysed.split(":")[1].split()[0]) <= 1.5, analysed
    done = example.run(f"systemd-analyze verify --man=no {SERVICE} {SOCKET} 2>&1 | "
                       "grep -i aclarknet", check=False)
    assert done.stdout == "", done.stdout


def test_a_second_deploy_changes_the_code_of_the_same_process(example):
    pid = example.show(SERVICE, "MainPID")
    example.run("sed -i 's/great and small/small and great/' "
                f"{HOME}/catalogue/templates/catalogue/index.html")
    done = deploy(example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert example.show(SERVICE, "MainPID") == pid
    assert "small and great" in visit(example, "/")
