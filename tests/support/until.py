# SPDX-License-Identifier: Apache-2.0
"""Waiting for what no event tells of, by asking again and again."""

import os
import time

# Under Valgrind or sanitizers everything takes longer; nothing but patience changes.
PATIENCE = float(os.environ.get("MONODON_TEST_PATIENCE", "1"))


def until(predicate, what, timeout=10, pause=0.02):
    """The first true answer of predicate(). `what`: what is waited for, or a function that
    tells it in the end. An exception of the predicate ends the wait."""
    end = time.monotonic() + timeout * PATIENCE
    while not (answer := predicate()):
        if time.monotonic() > end:
            told = what() if callable(what) else what
            raise AssertionError(f"waited {timeout * PATIENCE:g} s in vain for {told}")
        time.sleep(pause)
    return answer
