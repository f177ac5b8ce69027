# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured: how each is installed, started and told apart."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ["gunicorn", "granian", "uWSGI", "bjoern", "fastpysgi"]

# Servers without a command of their own for several processes.
BJOERN = """
import os, sys, bjoern
from {module} import application
bjoern.listen(application, "unix:{address}", listen_backlog=4096)
for _ in range({workers} - 1):
    if os.fork() == 0: break
bjoern.run()
"""
FASTPYSGI = """
import fastpysgi
from {module} import application
fastpysgi.server.backlog = 4096
fastpysgi.server.tcp_nodelay = 1
fastpysgi.run(application, host="127.0.0.1", port={port}, workers={workers}, loglevel=2)
"""
APACHE = """
ServerRoot {directory}
PidFile {directory}/httpd-{port}.pid
ErrorLog {directory}/httpd-{port}.log
Listen 127.0.0.1:{port}
ListenBackLog 4096
ServerName localhost
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
StartServers 1
ServerLimit 2
ThreadsPerChild 64
MaxRequestWorkers 128
MaxKeepAliveRequests 0
KeepAliveTimeout 75
WSGISocketPrefix {directory}/wsgi
WSGIDaemonProcess b processes={workers} threads={threads} python-path={apps}
WSGIProcessGroup b
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias / {script}
<Location />
Require all granted
</Location>
"""
MODULES = Path("/usr/lib/apache2/modules")


@dataclass
class Setup:
    """What every server of one comparison is given."""

    module: str  # of bench/apps
    workers: int
    threads: int
    directory: Path
    build: Path
    python: Path  # of the peers' virtual environment


@dataclass
class Peer:
    name: str
    argv: object  # function (setup, address) -> argument vector
    tcp: bool = False
    ours: bool = False
    kept: bool = True  # keeps direct connections alive
    threaded: bool = True  # has threads for the application
    modules: tuple = ("hello", "whales")


def monodon(setup, address, application, **more):
    """Everything on that is on in production: access log, scoreboard, deadlines."""
    directory = setup.directory / f"run-{application.split(':')[-1]}-{setup.module}"
    directory.mkdir(exist_ok=True)
    config = directory / "monodon.yaml"
    bind = f"unix:{address}" if isinstance(address, str) else "%s:%d" % address
    config.write_text(json.dumps({
        "application": application, "bind": bind, "python": sys.executable,
        "python_path": [str(HERE / "apps")], "workers": setup.workers,
        "threads": setup.threads, "runtime_directory": str(directory),
        "access_log": str(directory / "access.log"), "request_timeout": "120s"} | more))
    return [str(setup.build / "cli" / "monodon"), "serve", "-c", str(config)]


def gunicorn(kind):
    def argv(setup, address):
        return [str(setup.python.parent / "gunicorn"), "-b", f"unix:{address}", "-w",
                str(setup.workers), "-k", kind, "--threads",
                str(setup.threads if kind == "gthread" else 1), "--keep-alive", "75",
                "--backlog", "4096", "--no-control-socket",
                "--pythonpath", str(HERE / "apps"), f"{setup.module}:application"]
    return argv


def uwsgi(setup, address):
    threads = ["--enable-threads", "--threads", str(setup.threads)]
    return [str(setup.python.parent / "uwsgi"), "--http-socket", str(address), "--master",
            "--die-on-term", "--processes", str(setup.workers), "--listen", "4096",
            "--pythonpath", str(HERE / "apps"), "--module", f"{setup.module}:application",
            "--disable-logging", *(threads if setup.threads > 1 else [])]


def granian(setup, address):
    return [str(setup.python.parent / "granian"), "--interface", "wsgi", "--uds",
            str(address), "--workers", str(setup.workers), "--blocking-threads",
            str(setup.threads), "--no-ws", "--backlog", "4096", "--http", "1",
            "--working-dir", str(HERE / "apps"), f"{setup.module}:application"]


def script(text):
    def argv(setup, address):
        port = address[1] if isinstance(address, tuple) else 0
        code = text.format(module=setup.module, address=address, port=port,
                           workers=setup.workers)
        return [str(setup.python), "-c", f"import sys; sys.path.insert(0, {str(HERE / 'apps')!r})"
                + code]
    return argv


def mod_wsgi(setup, address):
    config = setup.directory / f"httpd-{address[1]}.conf"
    import os
    config.write_text(APACHE.format(
        directory=setup.directory, port=address[1], modules=MODULES,
        workers=setup.workers, threads=setup.threads, apps=HERE / "apps",
        user="User www-data\nGroup www-data" if os.getuid() == 0 else "",
        script=HERE / "apps" / f"{setup.module}.py"))
    return ["/usr/sbin/apache2", "-f", str(config), "-DFOREGROUND"]


def raw(setup, address):
    where = address if isinstance(address, str) else str(address[1])
    return [str(setup.build / "bench" / "raw"), where, str(setup.workers)]


PEERS = [
    Peer("raw", raw, modules=("hello",)),
    Peer("monodon native", lambda s, a: monodon(s, a, "native:hello"), ours=True,
         modules=("hello",)),
    Peer("monodon", lambda s, a: monodon(s, a, f"{s.module}:application"), ours=True),
    Peer("gunicorn sync", gunicorn("sync"), kept=False, threaded=False),
    Peer("gunicorn gthread", gunicorn("gthread")),
    Peer("uwsgi", uwsgi, kept=False),
    Peer("granian", granian),
    Peer("bjoern", script(BJOERN), threaded=False),
    # No Unix sockets: these have rows of raw and of ours over TCP beside them.
    Peer("raw (tcp)", raw, tcp=True, modules=("hello",)),
    Peer("monodon (tcp)", lambda s, a: monodon(s, a, f"{s.module}:application"), tcp=True,
         ours=True),
    Peer("fastpysgi (tcp)", script(FASTPYSGI), tcp=True, threaded=False),
    Peer("mod_wsgi (tcp)", mod_wsgi, tcp=True),
]


def install(directory):
    """The peers' virtual environment; {name: why it is not there}."""
    venv = directory / "venv"
    python = venv / "bin" / "python"
    missing = {}
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", str(venv)],
                       check=True)
    for package in PACKAGES:
        there = subprocess.run([python, "-m", "pip", "show", "-q", package],
                               capture_output=True)
        if there.returncode == 0:
            continue
        print(f"installing {package} from PyPI", flush=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", package],
                              capture_output=True, text=True)
        if done.returncode != 0:
            missing[package] = done.stderr.strip().splitlines()[-1][:200]
    if not (MODULES / "mod_wsgi.so").exists():
        missing["mod_wsgi"] = "package libapache2-mod-wsgi-py3 is not installed"
    return python, missing
