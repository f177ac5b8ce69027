# SPDX-License-Identifier: Apache-2.0
"""What is ready to use for Prometheus and Grafana: rules, their tests, and that all of it
speaks of metrics that exist."""

import json
import re
import subprocess

import pytest
from support import paths

CONF = paths.ROOT / "conf"
RULES = ["monodon", "monodon-fleet"]


def text(name):
    return (CONF / "prometheus" / name).read_text(encoding="utf-8")


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=CONF / "prometheus",
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_configuration_and_rules():
    promtool("check", "config", "prometheus.yml")
    for name in RULES:
        promtool("check", "rules", f"{name}.rules.yml")


@pytest.mark.parametrize("name", RULES)
def test_each_alert_fires_at_its_fault_and_none_without(name):
    promtool("test", "rules", f"{name}.rules.test.yml")
    rules, tests = text(f"{name}.rules.yml"), text(f"{name}.rules.test.yml")
    operations = (paths.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for alert in re.findall(r"alert: (\w+)", rules):
        assert tests.count(alert) >= 2, f"no test lets {alert} fire, and one not"
        assert alert in operations, f"docs/operations.md does not say what {alert} means"


def test_rules_and_dashboards_use_metrics_and_rules_that_exist():
    manual = (paths.ROOT / "docs" / "man" / "monodon-metrics.7").read_text(encoding="utf-8")
    known = set(re.findall(r"^\.It Sy (\w+)", manual, re.MULTILINE))
    rules = "".join(text(f"{name}.rules.yml") for name in RULES)
    board = ""
    for name in RULES:
        read = (CONF / "grafana" / f"{name}.json").read_text(encoding="utf-8")
        titles = [one["title"] for one in json.loads(read)["panels"]]
        assert len(titles) == len(set(titles)) > 10
        board += read
    recorded = set(re.findall(r"record: (\S+)", rules))
    assert set(re.findall(r"\bmonodon:[\w:]+", rules + board)) <= recorded
    used = {re.sub(r"_(bucket|sum|count)$", "", name)
            for name in re.findall(r"\bmonodon_\w+", rules + board)}
    assert len(used) > 15 and used <= known, used - known
