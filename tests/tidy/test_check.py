# SPDX-License-Identifier: Apache-2.0
"""scripts/check counts what the suites print, and takes silence for failure."""

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check"
loader = importlib.machinery.SourceFileLoader("check", str(SCRIPT))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", loader))
loader.exec_module(check)

OUTPUTS = [
    ("All tests passed\nunit: 7 passed, 0 failed\n", (7, 0)),
    ("unit: 7 passed, 2 failed\n", (7, 2)),
    ("===== 31 passed in 2.10s =====\n", (31, 0)),
    ("= 2 failed, 31 passed, 4 skipped, 1 error in 2.10s =\n", (31, 3)),
    ("12 passed, 3 warnings in 0.5s\n", (12, 0)),
    ("Ran 13 tests in 0.5s\n\nOK\n", (13, 0)),
    ("Ran 13 tests in 0.5s\n\nOK (skipped=2)\n", (11, 0)),
    ("Ran 13 tests in 0.5s\n\nFAILED (failures=1, errors=2, skipped=1)\n", (9, 3)),
    ("no tests ran in 0.01s\n", (0, 0)),
    ("", (0, 0)),
]


@pytest.mark.parametrize("output, expected", OUTPUTS)
def test_counts_are_read_from(output, expected):
    assert check.count(output) == expected


def judged(result, output):
    return check.judge({"name": "x", "result": result, "stdout": output})


def test_a_suite_that_ran_nothing_has_failed_though_its_status_was_zero():
    assert judged("OK", "nothing to do\n") == (0, 1, "no test ran")


def test_a_suite_that_died_after_its_tests_passed_has_failed():
    assert judged("FAIL", "unit: 7 passed, 0 failed\n") == (7, 1, "fail")


def test_a_suite_that_ran_out_of_time_has_failed():
    assert judged("TIMEOUT", "") == (0, 1, "timeout")


def test_a_suite_that_meson_skipped_counts_as_nothing():
    assert judged("SKIP", "1 skipped\n") == (0, 0, "skipped")
