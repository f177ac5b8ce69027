# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import images  # noqa: E402
from support.suite import *  # noqa: E402,F401,F403  (pytest hooks)


@pytest.fixture(scope="session")
def wheel():
    with images.alone():
        images.base()
        images.wheel()


@pytest.fixture(scope="session")
def image(wheel):
    """A site by the recipe; its code is that of version 1."""
    return images.site_image("site", "from traffic_site import application\n")


@pytest.fixture(scope="session")
def demo(wheel):
    return images.example_image()
