# SPDX-License-Identifier: Apache-2.0
"""What a release has beside the packages, and what `make release` refuses to be one."""

import email
import os
import re
import subprocess
import sys
import tarfile

import pytest
from conftest import PACKAGES, SOURCE, said

sys.path.insert(0, str(SOURCE / "tests"))
from support.until import until  # noqa: E402

VERSION = re.search(r"version: '(.*)'", (SOURCE / "meson.build").read_text())[1]


@pytest.fixture
def clone(tmp_path):
    """A clone in which nothing is compiled: what would come after the checks only says so."""
    made = tmp_path / "clone"
    said("git", "clone", "--quiet", "--shared", SOURCE, made)
    said("git", "-C", made, "config", "user.name", "Anybody")
    said("git", "-C", made, "config", "user.email", "anybody@localhost.invalid")
    (made / "packaging/portable/all").write_text("#!/bin/sh\necho compiling >&2; exit 9\n")
    return made


def commit(clone):
    said("git", "-C", clone, "commit", "--quiet", "--all", "--message", "try")


def refused(clone):
    done = subprocess.run([clone / "packaging/release"], capture_output=True, text=True,
                          check=False)
    assert done.returncode != 0
    return done.stderr.splitlines()[-1]


def test_a_release_is_made_of_a_commit_with_its_tag_and_its_changelog(clone):
    assert "changes that are not committed" in refused(clone)
    commit(clone)
    said("git", "-C", clone, "tag", "v9.9.9")
    assert refused(clone) == f"meson.build says {VERSION}, and this commit has no tag v{VERSION}."
    said("git", "-C", clone, "tag", f"v{VERSION}")
    changelog = clone / "CHANGELOG.md"
    text = changelog.read_text()
    if "## Unreleased" in text:
        assert refused(clone).startswith(f"CHANGELOG.md has no section of {VERSION}")
        changelog.write_text(text.replace("## Unreleased", f"## {VERSION} (2026-12-01)"))
        commit(clone)
        said("git", "-C", clone, "tag", "--force", f"v{VERSION}")
    assert refused(clone) == "compiling"


def source_distribution(directory):
    """As packaging/release makes it."""
    said("bash", "-ec", f'cd "$1"; . packaging/source.sh; unpack_source "$2/tree"; '
         f'packaging/portable/sdist "$2/tree/$name" "$2"; rm -r "$2/tree"', "bash", SOURCE,
         directory)
    return directory / f"monodon-{VERSION}.tar.gz"


def test_the_source_is_the_same_bytes_each_time_and_says_what_it_is(tmp_path):
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir(), second.mkdir()
    made = source_distribution(first)
    assert made.read_bytes() == source_distribution(second).read_bytes()
    with tarfile.open(made) as archive:
        names = archive.getnames()
        told = email.message_from_bytes(
            archive.extractfile(f"monodon-{VERSION}/PKG-INFO").read())
    assert {name.partition("/")[0] for name in names} == {f"monodon-{VERSION}"}
    assert (told["Name"], told["Version"]) == ("monodon", VERSION)
    assert told["Requires-Python"] == ">=3.11" and told["License-Expression"] == "Apache-2.0"
    assert f"monodon-{VERSION}/pyproject.toml" in names


def test_pip_builds_the_source_where_no_wheel_fits(tmp_path):
    made = source_distribution(tmp_path)
    environment = tmp_path / "venv"
    said(sys.executable, "-m", "venv", environment)
    # Nobody asks here how fast it is.
    subprocess.run([environment / "bin/pip", "install", "--quiet", "--disable-pip-version-check",
                    made], env={**os.environ, "CXXFLAGS": "-O0 -g0"}, check=True)
    (tmp_path / "app.py").write_text(
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [b'from the source']\n")
    socket = tmp_path / "site.sock"
    server = subprocess.Popen(
        [environment / "bin/monodon", "serve", "--bind", f"unix:{socket}", "app:application"],
        cwd=tmp_path, env={**os.environ, "MONODON_METRICS_BIND": "off"})
    try:
        until(socket.exists, "the socket", 60)
        assert said("curl", "-sS", "-m", "30", "--unix-socket", socket,
                    "http://localhost/") == "from the source"
    finally:
        server.terminate()
        assert server.wait(60) == 0


def test_pypi_would_take_wheel_and_source(tmp_path):
    made = source_distribution(tmp_path)
    said(sys.executable, "-m", "venv", tmp_path / "venv")
    said(tmp_path / "venv/bin/pip", "install", "--quiet", "twine")
    said(tmp_path / "venv/bin/twine", "check", "--strict", made, *PACKAGES.glob("*.whl"))


def test_the_bill_of_materials_is_as_its_standard_wants_it(tmp_path):
    said(sys.executable, "-m", "venv", tmp_path / "venv")
    said(tmp_path / "venv/bin/pip", "install", "--quiet", "cyclonedx-python-lib[json-validation]")
    bill = tmp_path / "bill.json"
    bill.write_text(said(SOURCE / "packaging/portable/sbom", PACKAGES))
    said(tmp_path / "venv/bin/python", "-c", """
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(pathlib.Path(sys.argv[1]).read_text())
assert wrong is None, wrong
""", bill)
