# SPDX-License-Identifier: Apache-2.0
"""A server with its exporter at a Unix socket, and what that shows."""

import html
import os
import re

from . import proc
from .server import Server

SAMPLE = re.compile(r"(?m)^(\w+)(?:\{(.*)\})? (\S+)$")


def watched(*arguments, expect=(), environment=None, **options):
    """A server whose exporter listens, unless told otherwise, at `metrics.sock`."""
    server = Server(*arguments, environment=environment, **options,
                    expect=["exporter ended", *expect])
    server.environment.setdefault("MONODON_METRICS_BIND", "off")
    # The Host of every request that does not say another.
    server.environment.setdefault("MONODON_METRICS_HOSTS", "example.test")
    if server.environment["MONODON_METRICS_BIND"] == "off":
        server.environment["MONODON_METRICS_BIND"] = "unix:" + server.path("metrics.sock")
    return server


def ask(server, path="/metrics", where=None):
    with server.connect(where or server.path("metrics.sock")) as connection:
        return connection.get(path)


def page(server):
    """What is read on the page, without JavaScript: the same words."""
    text = ask(server, "/").body.decode()
    shown = re.search(r"<noscript>\n(.*?)</noscript>", text, re.DOTALL)[1]
    return html.unescape(re.sub(r"<[^>]*>", " ", shown))


def metrics(server, where=None):
    """{'name{label="value"}': number} of one scrape; our own names without "monodon_"."""
    text = ask(server, where=where).body.decode()
    return {(f"{name}{{{labels}}}" if labels else name).removeprefix("monodon_"): float(value)
            for name, labels, value in SAMPLE.findall(text)}


def total(samples, name):
    return sum(value for key, value in samples.items() if key.split("{")[0] == name)


def there(server, where=None):
    try:
        return ask(server, "/-/ready", where).status == 200
    except OSError:
        return False


def await_exporter(server):
    server.wait(lambda: there(server), "the exporter")


def await_sample(server, key, value):
    server.wait(lambda: metrics(server).get(key) == value, f"{key} {value}")


def exporter_of(server):
    """Its pid."""
    found = [pid for pid in proc.children(server.pid)
             if "monodon-exporter" in proc.title(pid)]
    return found[0] if found else None

