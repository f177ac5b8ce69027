# SPDX-License-Identifier: Apache-2.0
"""What stands around Monodon: two virtual environments, a server that speaks MongoDB's
protocol, and nginx with the file of conf/examples/aclarknet."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from support import paths
from support.watch import Lines

SITE = paths.ROOT / "examples" / "aclarknet"
CACHE = Path(os.environ.get("MONODON_WAGTAIL", paths.BUILD / "wagtail")).resolve()
NAME = "aclark.net"
SETTINGS = {"DJANGO_SECRET_KEY": "of a test", "DJANGO_ALLOWED_HOSTS": f"{NAME},www.{NAME}",
          "DJANGO_SUPERUSER_USERNAME": "editor", "DJANGO_SUPERUSER_PASSWORD": "narwhal-tusk",
          "DJANGO_SUPERUSER_EMAIL": f"editor@{NAME}"}


def environment(requirements):
    """The virtual environment for a file of examples/aclarknet; made if there is none of
    this content (a minute, with pip)."""
    wanted = SITE / requirements
    made = CACHE / f"{wanted.stem}-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:8]}"
    whole = made / "whole"
    if not whole.exists():
        shutil.rmtree(made, ignore_errors=True)
        subprocess.run([paths.PYTHON, "-m", "venv", made], check=True)
        subprocess.run([made / "bin/python", "-m", "pip", "install", "--quiet",
                        "--disable-pip-version-check", "--only-binary=:all:",
                        "--requirement", wanted], check=True)
        whole.touch()
    return made


class Spoken:
    """A process whose words can be waited for."""

    def __init__(self, watch, command, **options):
        read, write = os.pipe2(os.O_CLOEXEC)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=write,
                                        stderr=write, **options)
        os.close(write)
        self.watch, self.lines = watch, Lines(watch, read)

    def await_line(self, pattern, timeout=30):
        found = self.watch.wait(
            lambda: next(filter(None, (re.search(pattern, line) for line in self.lines.lines)),
                         None), f"{pattern!r} of {self.process.args[0]}", timeout,
            lambda: "\n".join(self.lines.lines) or "its end"
            if self.process.poll() is not None else None)
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def mongodb(watch, directory):
    """(process, its URI)"""
    python = environment("requirements-server.txt") / "bin/python"
    process = Spoken(watch, [python, SITE / "mongodb_server.py", "--port", "0", "--storage-path",
                             directory / "mongodb"])
    return process, f"mongodb://{process.await_line('listening on (.*)')[1]}"


def copy_site(directory):
    """The example as it is in the repository, without what was made in it by trying it."""
    shutil.copytree(SITE, directory, ignore=shutil.ignore_patterns(
        "__pycache__", "0*.py", "static", "media", ".venv", ".env"))


def site(directory, uri):
    """A copy of the example with everything that deploy.sh would have made in it."""
    copy_site(directory)
    variables = {**os.environ, **SETTINGS, "MONGODB_URI": uri, "PYTHONDONTWRITEBYTECODE": "1"}
    python = environment("requirements.txt") / "bin/python"
    for command in (["prepare_site"], ["collectstatic", "--noinput", "--verbosity", "0"]):
        subprocess.run([python, "manage.py", *command], cwd=directory, check=True,
                       env=variables, stdout=subprocess.DEVNULL)
    return directory


def certificate(directory):
    """Self-signed, in directory/fullchain.pem, with its key beside it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
         f"subjectAltName=DNS:{NAME},DNS:www.{NAME}", "-keyout", directory / "privkey.pem",
         "-out", directory / "fullchain.pem"], check=True, capture_output=True)
    return directory / "fullchain.pem"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def nginx(watch, home, site_directory, upstream):
    """(process, port, certificate): nginx with the file of conf/examples/aclarknet, in which
    only paths and ports are others. It keeps everything in the new directory `home`."""
    home = Path(home)
    home.mkdir()
    trusted = certificate(home)
    http, https = free_port(), free_port()
    text = (paths.ROOT / "conf/examples/aclarknet/nginx-aclarknet.conf").read_text()
    for old, new in {
        "/run/gunicorn/aclarknet.sock": str(upstream),
        "/etc/letsencrypt/live/aclark.net": str(home),
        "/srv/aclarknet": str(site_directory),
        "listen 80;": f"listen 127.0.0.1:{http};", "listen [::]:80;": "",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{https} ssl http2;",
        "listen [::]:443 ssl http2;": "",
    }.items():
        assert old in text, f"nginx-aclarknet.conf has no {old!r} any more"
        text = text.replace(old, new)
    # Of root's children only root can read a directory of tests.
    user = "user root;" if os.geteuid() == 0 else ""
    own = "".join(f"{kind}_temp_path {home}/{kind};\n"
                  for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(
        f"{user}\ndaemon off;\npid {home}/pid;\nerror_log stderr notice;\nevents {{}}\n"
        f"http {{\ninclude /etc/nginx/mime.types;\naccess_log off;\n{own}{text}}}\n")
    process = Spoken(watch, ["/usr/sbin/nginx", "-p", home, "-c", home / "nginx.conf",
                             "-e", "stderr"])
    process.await_line("start worker process ")
    return process, https, trusted
