# SPDX-License-Identifier: Apache-2.0
"""Where the sources and the build under test are."""

import os
import pathlib

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
BUILD = pathlib.Path(os.environ.get("MONODON_BUILD", ROOT / "build")).resolve()
APPS = TESTS / "apps"
MONODON = BUILD / "cli" / "monodon"
INJECT = BUILD / "tests" / "libinject.so"
NATIVE = BUILD / "tests" / "libnative_application.so"
PYTHON = os.environ.get("MONODON_TEST_PYTHON", "/usr/bin/python3")
