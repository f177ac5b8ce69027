# SPDX-License-Identifier: Apache-2.0
"""Runs WSGI applications through the extension itself, without a server.

The directory of the built extension comes in MONODON_LIBDIR.
"""

import importlib.util
import json
import os
import sys
import tempfile
import types

import pytest

LIBDIR = os.environ["MONODON_LIBDIR"]


def _beside(name, file_name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(LIBDIR, file_name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


extension = _beside("_monodon", "_monodon.abi3.so")
runtime = _beside("_monodon_runtime", "_monodon_runtime.py")
extension.set_runtime(runtime)

# The log keeps the stderr that it finds at its first line, while pytest changes
# descriptor 2 for each test: give it a file of its own.
LOG = tempfile.TemporaryFile()
_stderr = os.dup(2)
os.dup2(LOG.fileno(), 2)
extension.log_raw("the log of the tests\n")
os.dup2(_stderr, 2)
os.close(_stderr)


@pytest.fixture
def logged():
    """Call it for what was logged since the test began."""
    start = os.fstat(LOG.fileno()).st_size
    return lambda: os.pread(LOG.fileno(), 1 << 20, start).decode()


class Answer:
    def __init__(self, head, body, finished, failure, hints):
        lines = head.decode("latin-1").split("\r\n")
        self.status = lines[0].partition(" ")[2]
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.body = body
        self.finished = finished
        self.failure = failure
        self.hints = hints

    def field(self, name):
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None


def boot(**changes):
    value = json.loads(extension.default_boot())
    value["listeners"] = [
        {
            "name": "http",
            "address": "unix:/run/x.sock",
            "unix_socket": True,
            "host": "",
            "port": 0,
        }
    ]
    listener = changes.pop("listener", None)
    if listener:
        value["listeners"][0].update(listener)
    value["settings"].update(changes)
    return value


class Site:
    """An application under test: a callable, in the settings given."""

    def __init__(self, application, **changes):
        module = types.ModuleType("application_under_test")
        module.application = application
        sys.modules[module.__name__] = module
        changes["application"] = module.__name__
        failure, reason = extension.load(json.dumps(boot(**changes)))
        assert reason == "", reason

    def raw(self, head, body=b""):
        return Answer(*extension.run_request(head, body))

    def request(self, method="GET", target="/", fields=(), body=None, version="1.1"):
        lines = [f"{method} {target} HTTP/{version}", "Host: example.org", *fields]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return self.raw(head, body or b"")

    def get(self, target="/", *fields):
        return self.request("GET", target, fields)


@pytest.fixture
def site():
    path, environment = sys.path[:], dict(os.environ)
    yield Site
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(environment)
