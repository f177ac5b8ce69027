# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.suite import *  # noqa: E402,F401,F403  (pytest hooks)

import os  # noqa: E402
import subprocess  # noqa: E402

import pytest  # noqa: E402

from support import paths  # noqa: E402
from support.server import Server  # noqa: E402

SITE = paths.ROOT / "examples" / "site"


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    """Database, static files and user of the demo, prepared as `make demo` does."""
    directory = tmp_path_factory.mktemp("site")
    subprocess.run(
        [paths.PYTHON, "manage.py", "prepare_demo"], cwd=SITE, check=True,
        env={**os.environ, "SITE_STATE": str(directory), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return directory


@pytest.fixture(scope="session")
def site(state):
    """Without wsgiref's validator, which would hide wsgi.file_wrapper from Django."""
    with Server(
        "demo.wsgi:application",
        config={"threads": 2, "directory": str(SITE), "python_path": [],
                "body_memory": 65536},
        environment={"SITE_STATE": str(state)},
    ) as running:
        yield running


@pytest.fixture
def doomed(state):
    """A server of its own for a test that kills workers."""
    with Server(
        "demo.wsgi:application",
        config={"directory": str(SITE), "python_path": []},
        environment={"SITE_STATE": str(state)},
        expect=[r"worker", r"slot"],
    ) as running:
        yield running
