# SPDX-License-Identifier: Apache-2.0
"""An environment with the frameworks, and a server for each of their sites."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import pytest  # noqa: E402
from support import pypi  # noqa: E402
from support.server import Server  # noqa: E402
from support.suite import *  # noqa: E402,F401,F403  (pytest hooks)

PACKAGES = ("channels", "django>=5.2,<6", "fastapi", "httpx", "starlette", "websockets")


@pytest.fixture(scope="session")
def python():
    return pypi.interpreter(*PACKAGES)


@pytest.fixture(params=sorted(path.stem for path in (HERE / "sites").glob("*_site.py")))
def site(request, python):
    with Server(f"{request.param}:application",
                config={"interface": "asgi", "python": str(python), "workers": 2,
                        "access_log": "-",
                        "python_path": [str(HERE / "sites")]}) as server:
        yield server
