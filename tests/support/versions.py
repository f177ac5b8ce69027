# SPDX-License-Identifier: Apache-2.0
"""An application whose answers tell its version, and `monodon reload` to change it."""

import subprocess

from . import paths
from .server import Server
from .until import PATIENCE

CODE = """
from traffic_site import application_of
application = application_of({version})
{more}
"""


def site(**options):
    server = Server("site_code:application", **options)
    write(server, 1)
    return server


def write(server, version, more=""):
    server.write("site_code.py", CODE.format(version=version, more=more))


def reload(server, *arguments, timeout=60):
    """(status, stdout, stderr) of `monodon reload`."""
    return finish(begin(server, *arguments), timeout)


def begin(server, *arguments):
    return subprocess.Popen(
        [str(paths.MONODON), "reload", "--control", server.path("control.sock"),
         *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, timeout=60):
    try:
        out, err = process.communicate(timeout=timeout * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def version_of(server):
    return int(server.get("/?n=1").body.split()[0])


# What is wrong with the code; settings; words of the reason.
BROKEN = {
    "import error": ("import no_such_module", {}, ["site_code.py", "ModuleNotFoundError"]),
    "missing attribute": ("del application", {}, ["site_code has no 'application'"]),
    "import that hangs": ("import time\ntime.sleep(999)", {"boot_timeout": 1},
                          ["boot_timeout"]),
    "health check that fails": (
        "def application(environ, start_response):\n    raise ValueError('sick')\n",
        {"health_check": "/health"}, ["health check /health", "ValueError: sick"]),
    "health check that hangs": (
        "import time\ndef application(environ, start_response):\n    time.sleep(999)\n",
        {"health_check": "/", "health_check_timeout": 0.5}, ["health check in time"]),
    "worker that dies at its first request": (
        "import os\ndef application(environ, start_response):\n    os.abort()\n",
        {"health_check": "/"}, ["SIGABRT"]),
    "hook that raises": ("def hook(info):\n    1/0\n", {"post_fork": "site_code:hook"},
                         ["post_fork", "ZeroDivisionError"]),
    "hook that is missing": ("", {"post_fork": "site_code:no_hook"}, ["no_hook"]),
    "configuration error": ("", {"workres": 3}, ["monodon.yaml", "workres"]),
    "no interpreter": ("", {"python": "/nowhere/python"}, ["/nowhere/python"]),
}


def break_it(server, what, version):
    """Writes code, or settings, that a reload has to refuse. Returns a function that
    puts the settings right again."""
    more, settings, _ = BROKEN[what]
    right = {name: server.config.get(name) for name in settings}
    write(server, version, more)
    server.write_config(**settings)
    return lambda: server.write_config(**right)
