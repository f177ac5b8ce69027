# SPDX-License-Identifier: Apache-2.0
"""The wheel: installed into a virtual environment it serves that environment's code, with
Debian's interpreters in machines and with those that MONODON_E2E_PYTHONS names here.

It compiles everything: MONODON_E2E_COMPILE=1 asks for it."""

import os
import subprocess
import sys

import pytest
from machine import wait_until
from packages import COMPILE, only, sources
from trees import CACHE, SOURCE, alone, run

APPLICATION = """
import sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{sys.prefix} {sys.version_info[:2]}".encode()]
"""
PYTHONS = [sys.executable, *os.environ.get("MONODON_E2E_PYTHONS", "").split()]

pytestmark = pytest.mark.skipif(COMPILE != "1", reason="MONODON_E2E_COMPILE=1 asks for it")


@pytest.fixture(scope="module")
def wheel():
    made = CACHE / "packages/wheel"
    with alone("wheel"):
        state = made / "made-of"
        if not state.exists() or state.read_text() != sources():
            run(SOURCE / "packaging/wheel/build", made)
            state.write_text(sources())
    return only(made.glob("monodon-*-cp311-abi3-*.whl"))


@pytest.mark.parametrize("python", PYTHONS)
def test_a_wheel_serves_from_a_virtual_environment(wheel, tmp_path, python):
    environment = tmp_path / "venv"
    run(python, "-m", "venv", environment)
    run(environment / "bin/pip", "install", "--quiet", "--no-deps", wheel)
    (tmp_path / "app.py").write_text(APPLICATION)
    path = tmp_path / "site.sock"
    server = subprocess.Popen(
        [environment / "bin/monodon", "serve", "--bind", f"unix:{path}", "app:application"],
        cwd=tmp_path, env={**os.environ, "MONODON_METRICS_BIND": "off"})
    try:
        wait_until(path.exists, 60, "the socket")
        said = subprocess.run(
            ["curl", "-sS", "-m", "30", "--unix-socket", path, "http://localhost/"],
            capture_output=True, text=True, check=True).stdout
        version = subprocess.run(
            [python, "-c", "import sys; print(sys.version_info[:2], end='')"],
            capture_output=True, text=True, check=True).stdout
        assert said == f"{environment} {version}"
        # The process is the server itself, not the interpreter that found it.
        assert os.readlink(f"/proc/{server.pid}/exe").endswith("/monodon/monodon")
    finally:
        server.terminate()
        assert server.wait(60) == 0


def test_a_wheel_serves_in_another_release_under_its_systemd(machine, wheel, staged):
    run("cp", wheel, staged)
    machine.run("python3 -m venv /srv/wheel && /srv/wheel/bin/pip install --quiet --no-index "
                f"--no-deps /stage/{wheel.name}", timeout=120)
    machine.run(f"cat > /srv/wheel/app.py <<'END'\n{APPLICATION}END\n")
    machine.run("systemd-run --unit=wheel --service-type=notify -p WorkingDirectory=/srv/wheel "
                "-p User=nobody -p RuntimeDirectory=wheel /srv/wheel/bin/monodon serve "
                "--metrics-bind off --bind unix:/run/wheel/a.sock app:application")
    try:
        version = machine.out("python3 -c 'import sys; print(sys.version_info[:2])'")
        assert machine.out("curl -sS -m 30 --unix-socket /run/wheel/a.sock "
                           "http://localhost/") == f"/srv/wheel {version}"
    finally:
        machine.run("systemctl stop wheel; rm -r /srv/wheel", check=False)
