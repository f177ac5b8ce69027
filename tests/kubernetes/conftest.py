# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from support.suite import *  # noqa: E402,F401,F403  (pytest hooks)
