# SPDX-License-Identifier: Apache-2.0
"""Containers that replace each other under load as the pods of a Deployment do: a new one is ready
before an old one is told to stop, and who sends the load learns of both up to a second late."""

import json
import os

import images
import pytest
from containers import BARE, Container
from support.balanced import Balanced

GOOD = "from traffic_site import application_of\napplication = application_of({})\n"


@pytest.fixture(scope="module")
def releases(wheel):
    return {"1": images.site_image("release:1", GOOD.format(1)),
            "2": images.site_image("release:2", GOOD.format(2)),
            "broken": images.site_image("release:broken", "import nothing_of_that_name\n")}


class Deployment:
    """Some containers, and the file of their endpoints."""

    def __init__(self, file):
        self.file, self.serving, self.ended = file, [], []
        self.tell()

    def tell(self):
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps([one.address for one in self.serving]), encoding="utf-8")
        os.replace(draft, self.file)

    def add(self, image):
        container = Container(image, *BARE, stop_delay="3s")
        container.__enter__()
        self.serving.append(container.await_ready())
        self.tell()

    def remove(self):
        """The oldest. It is told to stop when the endpoints are told, and no later."""
        container = self.serving.pop(0)
        self.ended.append(container)
        container.kill("TERM")
        self.tell()

    def end(self):
        for container in [*self.serving, *self.ended]:
            container.__exit__(None)


@pytest.fixture
def deployment(releases, tmp_path):
    made = Deployment(tmp_path / "endpoints")
    try:
        for _ in range(2):
            made.add(releases["1"])
        yield made
    finally:
        made.end()


def test_a_release_rolls_out_and_back_without_a_loss(deployment, releases):
    with Balanced(deployment.file) as load:
        for tag in ("2", "1"):
            for _ in range(2):
                deployment.add(releases[tag])
                deployment.remove()
        for container in deployment.ended:
            assert container.await_end() == 0
    report = load.report
    assert not report["errors"] and set(report["answers"]) == {"1", "2"}, report
    assert len(report["hosts"]) == 6


def test_a_broken_release_ends_by_itself_and_takes_nothing_away(deployment, releases):
    with Balanced(deployment.file) as load, Container(releases["broken"], *BARE) as broken:
        assert broken.await_end() != 0
        assert not broken.ready() and "nothing_of_that_name" in broken.logs()[1]
    assert not load.report["errors"] and set(load.report["answers"]) == {"1"}, load.report
