# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support.suite import *  # noqa: E402,F401,F403  (pytest hooks)

import pytest  # noqa: E402

from support.webdriver import Browser  # noqa: E402


@pytest.fixture(name="browser", scope="session")
def fixture_browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser
