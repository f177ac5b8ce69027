# SPDX-License-Identifier: Apache-2.0
"""Command lines and files of settings mean here what they mean to Gunicorn: each is read
by both, and the settings compared. What differs stands in docs/gunicorn.md."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from support import paths
from support.pypi import interpreter

from files import VALUES
from lines import PLAIN, REFUSED

# Prints Gunicorn's settings as a file that gives each its default.
DEFAULTS_OF_ALL = """
from gunicorn.config import KNOWN_SETTINGS
# Of this machine; and a keepalive as short as Gunicorn's is told here, if it is asked for.
NOT = ("config", "chdir", "user", "group", "control_socket", "keepalive")
for setting in KNOWN_SETTINGS:
    value = setting.default
    if not callable(value) and setting.name not in NOT:
        print(setting.name, "=", repr(value if isinstance(value, (str, list, dict, bool))
                                      or value is None else int(value)))
"""
HERE = Path(__file__).parent
# Gunicorn's name, and ours where it is another one.
NAMES = {"accesslog": "access_log", "errorlog": "error_log", "loglevel": "log_level",
         "pidfile": "pid_file", "preload_app": "preload", "raw_env": "environment",
         "timeout": "request_timeout", "pythonpath": "python_path"}
# Defaults that differ, as docs/gunicorn.md tells: theirs, ours.
DEFAULTS = {"keepalive": (2, "75s"), "preload_app": (False, "auto")}


@pytest.fixture(scope="session")
def python():
    return interpreter("gunicorn==27.0.1")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "app.py").write_text("def app(environ, start_response): pass\n")
    return tmp_path


def run(command, site, variables):
    environment = {"PATH": os.environ["PATH"], "HOME": str(site)} | variables
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True,
                          timeout=60, check=False)


def theirs(python, words, site, variables):
    done = run([python, HERE / "read_gunicorn.py", *words], site, variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ours(words, site, variables):
    done = run([paths.MONODON, "check", "--no-app", "--print", "--python", paths.PYTHON,
                *words], site, variables)
    if done.returncode:
        return {"refused": done.stderr}
    return yaml.load(done.stdout, yaml.BaseLoader)  # texts, all of them


def as_ours(name, value, site):
    """Gunicorn's value as `check --print` has it."""
    if name in DEFAULTS and value == DEFAULTS[name][0]:
        return DEFAULTS[name][1]
    if name in ("timeout", "graceful_timeout", "keepalive"):
        for unit, seconds in (("h", 3600), ("m", 60)):
            if value and value % seconds == 0:
                return f"{value // seconds}{unit}"
        return f"{value}s" if value else "0"
    if name == "bind":
        return [f"0.0.0.0{one}" if one.startswith(":") else one for one in value]
    if name == "pythonpath":
        return value.split(",") if value else []
    if name == "application":
        return value if ":" in value else f"{value}:application"
    if name in ("accesslog", "pidfile"):
        return value or ""
    if name == "loglevel":
        return value.lower()
    if isinstance(value, list):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def compare(gunicorn, monodon, site):
    umask = gunicorn.pop("umask")
    assert int(monodon["socket_mode"], 8) == 0o777 & ~umask
    for name, value in gunicorn.items():
        key = NAMES.get(name, name)
        got = monodon.get(key)
        assert got == as_ours(name, value, site), (name, value, got)


@pytest.mark.parametrize("line", PLAIN)
def test_a_line_means_what_it_means_to_gunicorn(line, python, site):
    words = shlex.split(line)
    compare(theirs(python, words, site, {}), ours(words, site, {}), site)
    arguments = {"GUNICORN_CMD_ARGS": shlex.join([w for w in words if w not in ("app:app", "--", "")])}
    compare(theirs(python, ["app:app"], site, arguments), ours(["app:app"], site, arguments),
            site)


@pytest.mark.parametrize("line", REFUSED)
def test_what_gunicorn_refuses_is_refused(line, python, site):
    words = shlex.split(line)
    assert "refused" in theirs(python, words, site, {})
    done = [run([*command, *words], site, {}) for command in (
        [python, "-m", "gunicorn", "--check-config"],
        [paths.MONODON, "check", "--no-app", "--python", paths.PYTHON])]
    assert done[0].returncode == done[1].returncode
    assert "Traceback" not in done[1].stderr and len(done[1].stderr.splitlines()) <= 3


def test_every_setting_at_gunicorns_default_is_taken_without_a_word(python, site):
    text = run([python, "-c", DEFAULTS_OF_ALL], site, {}).stdout
    assert text.count("\n") > 80
    (site / "gunicorn.conf.py").write_text(text)
    done = run([paths.MONODON, "check", "--no-app", "--python", paths.PYTHON, "-c",
                "gunicorn.conf.py", "app:app"], site, {})
    assert done.returncode == 0, done.stderr
    told = [line for line in (done.stdout + done.stderr).splitlines() if "gunicorn.conf.py" in line]
    assert told == []


@pytest.mark.parametrize("text", VALUES)
def test_a_file_of_values_means_what_it_means_to_gunicorn(text, python, site):
    (site / "gunicorn.conf.py").write_text(text)
    words = ["-c", "gunicorn.conf.py", "app:app"]
    variables = {"WEB_CONCURRENCY": "2 ", "SOME_PORT": "8077"}
    compare(theirs(python, words, site, variables), ours(words, site, variables), site)
