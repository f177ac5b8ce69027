# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that scrapes servers of the tests, with the rules of conf/prometheus.

Its clock runs fast: where the rules say minutes it is told seconds. Nothing else of them
is changed.
"""

import json
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from . import paths
from .until import until

RULES = paths.ROOT / "conf" / "prometheus"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def hastened(rules):
    """5m is 5s and 30s is 500ms, in ranges and in `for`."""
    rules, minutes = re.subn(r"(\[|for: )(\d+)m\b", r"\1\2s", rules)
    assert minutes > 10, minutes
    return re.sub(r"for: 30s\b", "for: 500ms", rules)


class Prometheus:
    def __init__(self, ports, interval="500ms", rules=("monodon",)):
        self.directory = tempfile.mkdtemp(prefix="mnd-prometheus-")
        self.url = f"http://127.0.0.1:{free_port()}"
        for name in rules:
            text = (RULES / f"{name}.rules.yml").read_text(encoding="utf-8")
            with open(f"{self.directory}/{name}.rules.yml", "w", encoding="utf-8") as file:
                file.write(hastened(text))
        with open(f"{self.directory}/prometheus.yml", "w", encoding="utf-8") as file:
            json.dump({
                "global": {"scrape_interval": interval, "scrape_timeout": interval,
                           "evaluation_interval": interval},
                "rule_files": ["*.rules.yml"],
                "scrape_configs": [{"job_name": "monodon", "static_configs": [
                    {"targets": [f"127.0.0.1:{port}" for port in ports]}]}]}, file)
        self.log = open(f"{self.directory}/log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.directory}/prometheus.yml",
             f"--storage.tsdb.path={self.directory}/data",
             f"--web.listen-address={self.url.removeprefix('http://')}"],
            stdout=self.log, stderr=self.log)

    def api(self, what, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{what}?{query}", timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression, at=None):
        """[(labels, number)]"""
        parameters = {"query": expression} | ({"time": f"{at:.3f}"} if at else {})
        return [(one["metric"], float(one["value"][1]))
                for one in self.api("query", **parameters)["result"]]

    def number(self, expression, at=None):
        (_, value), = self.query(expression, at)
        return value

    def firing(self, seconds=0):
        """{port: names of the alerts that fire, or that fired within `seconds`}"""
        what = 'ALERTS{alertstate="firing"}'
        found = {}
        for labels, _ in self.query(f"max_over_time({what}[{seconds}s])" if seconds else what):
            port = int(labels["instance"].rsplit(":", 1)[1])
            found.setdefault(port, set()).add(labels["alertname"])
        return found

    def wait(self, predicate, what, timeout=30):
        def answer():
            try:
                return predicate()
            except urllib.error.URLError:
                assert self.process.poll() is None, "Prometheus has ended"
                return None
        return until(answer, what, timeout, pause=0.1)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        if kind is None:
            shutil.rmtree(self.directory)
        else:
            print(f"Prometheus' data and log are kept in {self.directory}")
