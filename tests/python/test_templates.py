# SPDX-License-Identifier: Apache-2.0
"""Templates of Jinja2 that are kept before the fork; those of Django are tried with a site, in
tests/process/test_templates.py.
"""

import signal
import sys
import threading
import types

import pytest

from conftest import runtime

keep = runtime.beside("_monodon_templates").keep


class Environment:
    """What is used of Jinja2's."""

    def __init__(self, auto_reload=False, cache=None, waits=False):
        self.waits = waits
        self.auto_reload, self.cache = auto_reload, {} if cache is None else cache
        self.loader = self

    def list_templates(self):
        return ["broken.html", "installed.html", "own.html"]

    def get_source(self, environment, name):
        if name == "broken.html" and self.waits:
            threading.Event().wait()
        if name == "broken.html":
            raise SyntaxError(name)
        return "", f"/site/{name}", lambda: True

    def get_template(self, name):
        self.cache[name] = name


class Flask:
    def __init__(self, debug=False, **options):
        self.debug, self.jinja_env = debug, Environment(**options)


@pytest.fixture(autouse=True)
def fixture_flask(monkeypatch):
    monkeypatch.setitem(sys.modules, "flask", types.SimpleNamespace(Flask=Flask))


def kept(application):
    keep(lambda path: path.endswith(("own.html", "broken.html")))
    return list(application.jinja_env.cache)


def test_templates_of_the_application_are_kept_whichever_of_them_are_broken():
    assert kept(Flask()) == ["own.html"]


@pytest.mark.parametrize("options", [{"debug": True}, {"auto_reload": True}])
def test_templates_that_a_worker_would_read_again_are_not(options):
    assert kept(Flask(**options)) == []


def test_one_that_waits_for_ever_is_given_up_and_leaves_no_timer():
    assert kept(Flask(waits=True)) == []
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
