# SPDX-License-Identifier: Apache-2.0
"""A site on the packaged units in a machine that has booted, as an administrator puts it
there: monodon@whales behind nginx on port 81."""

import shutil
import subprocess
from pathlib import Path

from asking import get
from trees import CACHE, alone

HERE = Path(__file__).resolve().parent
PACKAGES = ["systemd", "systemd-sysv", "dbus", "nginx-light", "curl", "procps", "python3",
            "rpm"]
# Interpreters that only the newest have.
MORE = {"sid": ["python3.15", "pypy3"]}
# Where python3 is too old: one that is compiled there, once, and where it then is.
COMPILED = {"bullseye": "/stage/cpython/bin/python3.11"}
SERVICE, SOCKET, PORT = "monodon@whales.service", "monodon@whales.socket", 81
HOME = "/srv/whales"
APPLICATION = """
import platform

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"Monodon monoceros {VERSION} {platform.libc_ver()[1]}".encode()]
"""
NGINX = f"""
upstream whales {{ server unix:/run/monodon/whales/http.sock fail_timeout=0; }}
server {{
    listen {PORT};
    location / {{ proxy_pass http://whales; proxy_set_header Host $host; }}
}}
"""


def packages(release):
    return [*PACKAGES, *MORE.get(release, [])]


def python_of(release):
    return COMPILED.get(release, "/usr/bin/python3")


def bring_python(release, stage):
    if release in COMPILED:
        made = CACHE / f"cpython-{release}"
        with alone(made.name):
            subprocess.run([HERE / "make-cpython", release, made], check=True)
        shutil.copytree(made / "opt/cpython", stage / "cpython", symlinks=True)


def write(machine, path, text):
    machine.run(f"mkdir -p $(dirname {path}); cat > {path} <<'END'\n{text}\nEND\n")


def write_version(machine, version, tail=""):
    write(machine, f"{HOME}/app.py", f"VERSION = {version!r}\n{APPLICATION}{tail}")


def enable(machine, python):
    """Enabled, and serving version 1."""
    write_version(machine, "1")
    write(machine, "/etc/monodon/whales.yaml",
          f"application: app:application\ndirectory: {HOME}\nworkers: 2\nobserve: 0\n"
          f"python: {python}\n")
    write(machine, "/etc/nginx/sites-enabled/whales", NGINX)
    machine.run(f"systemctl reload nginx; systemctl enable --now {SOCKET}")
    assert get(machine, port=PORT).startswith("Monodon monoceros 1 ")


def disable(machine):
    machine.run(f"systemctl disable --now {SOCKET} {SERVICE}", check=False)
