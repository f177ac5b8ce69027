# SPDX-License-Identifier: Apache-2.0
"""What the conftest.py of every suite uses: a suite in which no test ran has failed."""

import os
import signal

from . import paths


def pytest_configure(config):
    if not paths.MONODON.exists():
        raise SystemExit(f"{paths.MONODON} is missing: build first")
    # A test that hangs is a failure with a traceback, not a hung run.
    signal.signal(signal.SIGALRM, _too_long)


def _too_long(_number, _frame):
    raise TimeoutError("this test takes too long")


def pytest_runtest_setup(item):
    if os.environ.get("MONODON_FAULTS") != "all":
        seconds = 1200 if os.environ.get("MONODON_LONG") == "1" else 120
        signal.alarm(int(seconds * float(os.environ.get("MONODON_TEST_PATIENCE", "1"))))


def pytest_runtest_teardown(item):
    signal.alarm(0)


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # one of several processes of pytest-xdist: another one counts
    if exitstatus == 0 and not reporter.stats.get("passed"):
        session.exitstatus = 1
