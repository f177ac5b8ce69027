# SPDX-License-Identifier: Apache-2.0
"""What the sites of habits.py use: an environment with the packages, a database of each sort."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import pytest  # noqa: E402
from habits import PACKAGES  # noqa: E402
from support import paths  # noqa: E402
from support.server import scratch_directory  # noqa: E402
from support.watch import Watch  # noqa: E402

CACHE = Path(os.environ.get("MONODON_HABITS", paths.BUILD / "habits")).resolve()
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="session")
def python():
    """The interpreter of a virtual environment; pip fills it the first time (a minute)."""
    whole = CACHE / "whole"
    if not whole.exists() or whole.read_text().split("\n") != PACKAGES:
        shutil.rmtree(CACHE, ignore_errors=True)
        subprocess.run([paths.PYTHON, "-m", "venv", CACHE], check=True)
        subprocess.run([CACHE / "bin/python", "-m", "pip", "install", "--quiet",
                        "--disable-pip-version-check", "--only-binary=:all:", *PACKAGES],
                       check=True)
        whole.write_text("\n".join(PACKAGES))
    return CACHE / "bin/python"


def unprivileged():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def postgresql(watch, directory):
    """(process, its connection string)"""
    data, who = directory / "postgresql", unprivileged()
    programs = POSTGRESQL[-1]
    subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "test", "--no-sync"],
                   check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
    process = subprocess.Popen([programs / "postgres", "-D", data, "-k", directory, "-F",
                                "-c", "listen_addresses=", "-c", "max_connections=50"],
                               cwd="/", stderr=subprocess.DEVNULL, **who)

    def is_ready():
        return subprocess.run([programs / "pg_isready", "-q", "-h", directory, "-U", "test"],
                              check=False, cwd="/").returncode == 0
    watch.wait(is_ready, "PostgreSQL", 60)
    return process, f"dbname=postgres user=test host={directory}"


@pytest.fixture(scope="session")
def services(python):
    """{variable of the environment: where it is}"""
    directory, watch = Path(scratch_directory()), Watch()
    (directory / "mongodb").mkdir()
    database, where = postgresql(watch, directory)
    others = subprocess.Popen(
        [python, Path(__file__).with_name("services.py"), directory / "mongodb"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = [others.stdout.readline().strip() for _ in range(4)]
    yield {"POSTGRES": where, **dict(line.split("=", 1) for line in lines)}
    others.stdin.close()
    database.terminate()
    for process in (others, database):
        process.wait(60)
    watch.close()
    shutil.rmtree(directory)
