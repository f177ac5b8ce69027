# SPDX-License-Identifier: Apache-2.0
"""The wheel, by pip, in fresh environments of the interpreters that a booted release has:
3.11 to 3.15, each with its own C library."""

import shutil
import sys

import pytest
from booted import write
from conftest import of_kind, said

APPLICATION = """
import sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{sys.prefix} {sys.version_info[:2]}".encode()]
"""


@pytest.fixture(scope="session")
def pip(tmp_path_factory):
    """Today's pip, which runs from its own wheel: what trees have is of their day, or missing."""
    found = tmp_path_factory.mktemp("pip")
    said(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--dest", found, "pip")
    return next(found.glob("pip-*.whl"))


def interpreters(machine):
    newer = machine.out("ls /usr/bin/python3.1[1-9] 2>/dev/null || true").split()
    return newer if machine.python == "/usr/bin/python3" else [machine.python]


def test_pip_installs_it_and_it_serves_and_reloads(machine, pip):
    wheel = of_kind(".whl", "x86_64")[0]
    for file in (wheel, pip):
        shutil.copy(file, machine.stage)
    found = interpreters(machine)
    assert found
    for python in found:
        home = f"/srv/wheel-{python.rpartition('/')[2]}"
        machine.run(f"{python} -m venv --without-pip {home} && "
                    f"{home}/bin/python /stage/{pip.name}/pip install --quiet --no-index "
                    f"/stage/{wheel.name}", timeout=120)
        write(machine, f"{home}/app.py", APPLICATION)
        machine.run("systemd-run --unit=wheel --service-type=notify -p User=nobody "
                    f"-p WorkingDirectory={home} -p RuntimeDirectory=wheel {home}/bin/monodon "
                    "serve --metrics-bind off --runtime-directory /run/wheel "
                    "--bind unix:/run/wheel/a.sock app:application")
        try:
            version = machine.out(f"{python} -c 'import sys; print(sys.version_info[:2])'")
            ask = "curl -sS -m 30 --unix-socket /run/wheel/a.sock http://localhost/"
            assert machine.out(ask) == f"{home} {version}"
            write(machine, f"{home}/app.py", APPLICATION.replace("{sys.prefix}", "new"))
            machine.run(f"{home}/bin/monodon reload --control /run/wheel/control.sock")
            assert machine.out(ask) == f"new {version}"
        finally:
            machine.run("systemctl stop wheel", check=False)
        assert machine.show("wheel", "Result") == "success"
