# SPDX-License-Identifier: Apache-2.0
"""The wheel as pip and auditwheel see it, with every CPython that is here: python3.11 and newer
in PATH, pyenv's, and those that MONODON_PYTHONS names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SOURCE, of_kind, said

sys.path.insert(0, str(SOURCE / "tests"))
from support.until import until  # noqa: E402

APPLICATION = """
import sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{sys.prefix} {sys.version_info[:2]}".encode()]
"""


def version_of(python):
    asked = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else (0, 0)


def interpreters():
    """One of each version."""
    named = os.environ.get("MONODON_PYTHONS", "").split()
    in_path = filter(None, (shutil.which(f"python3.{minor}") for minor in range(11, 16)))
    pyenv = sorted(Path.home().glob(".pyenv/versions/*/bin/python3"))
    found = {}
    for python in [*named, sys.executable, *in_path, *map(str, pyenv)]:
        found.setdefault(version_of(python), python)
    return [found[version] for version in sorted(found) if version >= (3, 11)]


@pytest.fixture(scope="module")
def wheel():
    return of_kind(".whl", os.uname().machine)[0]


@pytest.fixture(scope="module", params=interpreters())
def installed(request, wheel, tmp_path_factory):
    """A fresh virtual environment with nothing but the wheel."""
    environment = tmp_path_factory.mktemp("installed").resolve() / "venv"
    said(request.param, "-m", "venv", environment)
    said(environment / "bin/pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-index", wheel)
    return environment


@pytest.fixture(params=["command", "module"])
def command(request, installed):
    """`monodon`, and `python -m monodon`."""
    if request.param == "command":
        return [installed / "bin/monodon"]
    return [installed / "bin/python", "-m", "monodon"]


def test_pip_serves_from_a_fresh_environment(installed, command, tmp_path):
    (tmp_path / "app.py").write_text(APPLICATION)
    path = tmp_path / "site.sock"
    server = subprocess.Popen([*command, "serve", "--bind", f"unix:{path}", "app:application"],
                              cwd=tmp_path, env={**os.environ, "MONODON_METRICS_BIND": "off"})
    try:
        until(path.exists, "the socket", 60)
        answer = said("curl", "-sS", "-m", "30", "--unix-socket", path, "http://localhost/")
        assert answer == f"{installed} {version_of(installed / 'bin/python')}"
        # The process is the server itself, not the interpreter that found it.
        assert os.readlink(f"/proc/{server.pid}/exe").endswith("/monodon/monodon")
    finally:
        server.terminate()
        assert server.wait(60) == 0


def test_pip_takes_it_away_again_whole(installed):
    said(installed / "bin/pip", "uninstall", "--quiet", "--yes", "monodon")
    left = [path for path in installed.rglob("*monodon*") if "__pycache__" not in path.parts]
    assert left == []


def test_auditwheel_finds_them_fit_for_every_linux_that_their_names_promise(tmp_path):
    said(sys.executable, "-m", "venv", tmp_path / "venv")
    said(tmp_path / "venv/bin/pip", "install", "--quiet", "auditwheel")
    for wheel in of_kind(".whl"):
        machine = re.search(r"manylinux_2_28_(\w+)\.whl", wheel.name)[1]
        shown = said(tmp_path / "venv/bin/auditwheel", "show", wheel)
        tag = re.search(rf'platform tag:\s+"manylinux_2_(\d+)_{machine}"',
                        " ".join(shown.split()))
        assert tag and int(tag[1]) <= 28, shown


def test_the_name_says_for_which_interpreters_and_machines(wheel):
    assert re.fullmatch(r"monodon-[0-9.]+-cp311-abi3-manylinux_2_28_\w+\.whl", wheel.name)
