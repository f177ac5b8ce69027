# SPDX-License-Identifier: Apache-2.0
"""Environments with packages from PyPI, made once in a run."""

import atexit
import functools
import shutil
import subprocess
import tempfile

import pytest

from . import paths


@functools.lru_cache(maxsize=None)
def _made(packages):
    where = tempfile.mkdtemp(prefix="mnd-venv-")
    atexit.register(shutil.rmtree, where, ignore_errors=True)
    for command in ([paths.PYTHON, "-m", "venv", where],
                    [f"{where}/bin/python", "-m", "pip", "install", "-q", "--retries", "1",
                     "--timeout", "10", *packages]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                              check=False)
        if done.returncode != 0:
            return None, done.stderr[-300:]
    return f"{where}/bin/python", ""


def interpreter(*packages):
    """The Python of an environment that has these; skips the test where there is no way
    to them."""
    python, why = _made(packages)
    if python is None:
        pytest.skip(f"{', '.join(packages)} cannot be installed here: {why}")
    return python
