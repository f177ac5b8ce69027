# SPDX-License-Identifier: Apache-2.0
import os
import shutil

import pytest
from machine import Machine
from packages import compiles, dependencies, package
from trees import CACHE, PACKAGES, RELEASES, STAGE, carry_libraries, stage, tree

SERVICE = "aclarknet.service"
SOCKET = "aclarknet.socket"


def pytest_sessionfinish(session, exitstatus):
    """A run in which nothing passed is no success."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not reporter.stats.get("passed"):
        session.exitstatus = 1


@pytest.fixture(scope="session")
def staged():
    return stage()


@pytest.fixture(scope="session", params=RELEASES)
def machine(request, staged):
    made = package(request.param)
    compiled = compiles(request.param)
    needed = dependencies(made) if compiled else ["python3"]
    root = tree(request.param, [*PACKAGES, *needed])
    shutil.copy(made, staged / "monodon.deb")
    carried = staged / "libraries"
    shutil.rmtree(carried, ignore_errors=True)
    carried.mkdir()
    if not compiled:
        carry_libraries(carried)
    booted = Machine(root, staged, f"monodon-{request.param}-{os.getpid()}")
    booted.release = request.param
    try:
        booted.run(
            # Not cp -a: files in the stage belong to whoever built them.
            "cp -r --preserve=mode,links /stage/root/. /stage/libraries/. / && ldconfig && "
            f"dpkg --install {'' if compiled else '--force-depends'} /stage/monodon.deb && "
            "echo 'u aclarknet - - /srv/aclarknet' | systemd-sysusers - && "
            "chown -R aclarknet:aclarknet /srv/aclarknet && ldconfig && "
            "systemctl daemon-reload && systemctl reload nginx"
        )
        booted.run(
            "cd /srv/aclarknet && runuser -u aclarknet python3 manage.py prepare_demo"
        )
        yield booted
    finally:
        booted.stop()


@pytest.fixture
def site(machine):
    """Socket enabled and listening, service not running, logs empty."""
    machine.run(
        f"systemctl stop {SERVICE} {SOCKET}; systemctl reset-failed; "
        "rm -rf /etc/systemd/system/aclarknet.service.d /srv/aclarknet/logs/*; "
        "systemctl daemon-reload"
    )
    machine.run(f"systemctl enable --now {SOCKET}")
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "machine" in item.funcargs:
        inside = item.funcargs["machine"]
        for title, command in {
            "journal": "journalctl -b --no-pager -n 80 -o short-monotonic",
            "error log": "tail -n 80 /srv/aclarknet/logs/gunicorn-error.log",
            "nginx": "tail -n 20 /var/log/nginx/error.log",
        }.items():
            text = inside.run(command, check=False).stdout
            report.sections.append((title, text))
        (CACHE / f"failed-{STAGE.name}.log").write_text("\n".join(map(str, report.sections)))
