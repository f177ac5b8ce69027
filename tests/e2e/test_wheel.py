# SPDX-License-Identifier: Apache-2.0
"""The wheel: installed into a virtual environment it serves that environment's code."""

import os
import subprocess
import sys

import pytest
from machine import wait_until
from packages import COMPILE, only
from trees import CACHE, SOURCE, run

APPLICATION = """
import sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [sys.prefix.encode()]
"""


@pytest.mark.skipif(not COMPILE, reason="compiles everything: MONODON_E2E_COMPILE=1")
def test_a_wheel_serves_from_a_virtual_environment(tmp_path):
    run(SOURCE / "packaging/wheel/build", CACHE / "packages/wheel")
    wheel = only((CACHE / "packages/wheel").glob("monodon-*-cp311-abi3-*.whl"))
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", environment)
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
        assert said == str(environment)
        # The process is the server itself, not the interpreter that found it.
        assert os.readlink(f"/proc/{server.pid}/exe").endswith("/monodon/monodon")
    finally:
        server.terminate()
        assert server.wait(60) == 0
