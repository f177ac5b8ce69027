# SPDX-License-Identifier: Apache-2.0
"""Sites of well-known frameworks, asked over httpx: bodies, streams, files, threads, errors,
twenty clients at once.
"""

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_a_site_answers_as_it_has_to(site, python):
    site.expect.append("as asked")  # frameworks raise it again, for the log
    name = site.app.partition(":")[0]
    done = subprocess.run(
        [python, HERE / "drive.py", site.address, HERE / "sites" / f"{name}.py"],
        capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout == "as it has to be\n", done.stderr[-3000:]
    assert site.get("/threaded").body == b"from a thread"
