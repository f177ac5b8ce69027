# SPDX-License-Identifier: Apache-2.0
import shutil
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import pytest  # noqa: E402
import stack  # noqa: E402
from support.server import Server, scratch_directory  # noqa: E402
from support.watch import Watch  # noqa: E402


def pytest_sessionfinish(session, exitstatus):
    """A run in which nothing passed is no success."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not reporter.stats.get("passed"):
        session.exitstatus = 1


@pytest.fixture(scope="session")
def watch():
    watching = Watch()
    yield watching
    watching.close()


@pytest.fixture(scope="session")
def directory():
    made = Path(scratch_directory())
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def uri(watch, directory):
    process, where = stack.mongodb(watch, directory)
    yield where
    process.stop()


@pytest.fixture(scope="session")
def site(directory, uri):
    return stack.site(directory / "site", uri)


@pytest.fixture
def serve(site, uri):
    """serve(**settings): a Server of the site, to be started with `with`."""
    def make(expect=(), **settings):
        python = stack.environment("requirements.txt") / "bin/python"
        return Server(
            "aclarknet.wsgi:application", expect=expect,
            environment={**stack.SETTINGS, "MONGODB_URI": uri},
            # As conf/examples/aclarknet has it, where the tests have no reason to differ.
            config={"directory": str(site), "python": str(python), "python_path": [],
                    "boot_timeout": 60, "request_timeout": 30, **settings})
    return make
