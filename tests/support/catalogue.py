# SPDX-License-Identifier: Apache-2.0
"""Tests that make something happen and see what metrics say about it, and the list of the
metrics for which there is such a test.

    @moves("exporter_starts_total")
    def test_an_exporter_that_dies_is_counted(server, seen):
        os.kill(exporter_of(server), signal.SIGKILL)
        seen.grows(1, "exporter_starts_total")
"""

import contextlib
import re

import pytest

from . import paths
from .scrape import await_exporter, metrics, watched


def catalogue():
    """The names of all metrics, as monodon-metrics(7) has them, which a unit test compares
    with the table."""
    manual = (paths.ROOT / "docs" / "man" / "monodon-metrics.7").read_text(encoding="utf-8")
    return re.findall(r"^\.It Sy monodon_(\w+)", manual, re.MULTILINE)


MOVED = set()  # of all tests that are imported


class Seen:
    """What a server shows now, compared with what it showed at first."""

    def __init__(self, server):
        self.server, self.before, self.rows = server, metrics(server), set()
        self.known = set(catalogue())

    def _note(self, key):
        name = key.split("{")[0]
        self.rows.add(name if name in self.known else re.sub("_(count|sum|bucket)$", "", name))

    def fits(self, key, fits, what="what was expected"):
        """Waits until the growth of a sample is as it has to be."""
        def grown():
            now = metrics(self.server).get(key)
            return now is not None and fits(now - self.before.get(key, 0))
        self.server.wait(grown, f"{key}: {what}, from {self.before.get(key)}; "
                                f"now {metrics(self.server).get(key)}")
        self._note(key)

    def grows(self, by, *keys):
        """By so much, neither less nor more. 0 shows nothing, and does not count."""
        for key in keys:
            noted = set(self.rows)
            self.fits(key, lambda n: abs(n - by) < 1e-9, f"{by} more")
            self.rows = self.rows if by else noted

    def becomes(self, value, *keys):
        """A gauge, which was something else before."""
        for key in keys:
            assert self.before.get(key) != value, key
            self.grows(value - self.before.get(key, 0), key)

    def says(self, key, value, within=1e-9):
        """What does not change while a server runs, to within a share of it."""
        assert metrics(self.server)[key] == pytest.approx(value, rel=within), key
        self._note(key)


def moves(names, code=None, around=contextlib.nullcontext, **options):
    """Makes a test of a function that gets a server, and a Seen of it: it must see each
    of the metrics that it is said to move. `around` makes a context for it, which may
    have more options for the server."""
    MOVED.update(names.split())

    def wrap(happening):
        def test():
            with around() as more:
                server = watched(*["here:application"] * (code is not None),
                                 **(options | (more or {})))
                if code is not None:
                    server.write("here.py", code)
                with server:
                    await_exporter(server)
                    server.await_workers(server.config["workers"])
                    seen = Seen(server)
                    happening(server, seen)
            assert seen.rows >= set(names.split()), set(names.split()) - seen.rows
        test.__name__, test.__doc__ = happening.__name__, happening.__doc__
        return test
    return wrap
