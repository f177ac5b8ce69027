# SPDX-License-Identifier: Apache-2.0
"""What the distribution's own checkers say of the packages."""

import subprocess

from packages import host_release, package


def test_lintian_finds_nothing_that_is_not_explained():
    done = subprocess.run(["lintian", "--allow-root", package(host_release())],
                          capture_output=True, text=True, check=False)
    findings = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))]
    assert findings == [], done.stdout
