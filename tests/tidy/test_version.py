# SPDX-License-Identifier: Apache-2.0
"""One version, that of meson.build, wherever it has to be written down."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
VERSION = re.search(r"version: '(.*)'", (SOURCE / "meson.build").read_text())[1]
# File -> what stands there, with the version as its group; each place has to have it.
PLACES = {
    "packaging/debian/changelog": [r"\Amonodon \(([^)]+)\) "],
    "packaging/rpm/monodon.spec": [r"global monodon_version ([\d.]+)\}",
                                   r"%changelog\n\* .* - ([\d.]+)-1\n"],
    "packaging/kubernetes/monodon/Chart.yaml": [r"(?m)^version: (.*)$", r"(?m)^appVersion: (.*)$"],
    # Names of packages, to be copied from the page.
    "docs/install.md": [r"monodon[-_](\d+\.\d+\.\d+)"],
    "docs/releasing.md": [r"(?:monodon[-_]|tag -s v|^   `## )(\d+\.\d+\.\d+)"],
    "CONTRIBUTING.md": [r"monodon[-_](\d+\.\d+\.\d+)"],
}


@pytest.mark.parametrize("name", PLACES)
def test_the_version_is_that_of_meson_build(name):
    text = (SOURCE / name).read_text()
    for place in PLACES[name]:
        found = re.findall(place, text)
        assert found, f"{name} has nothing like {place}"
        assert set(found) == {VERSION}, f"{name} says {found}, meson.build {VERSION}"


def test_the_changelog_begins_with_what_comes_next_or_with_this_version():
    first = re.search(r"(?m)^## (.*)$", (SOURCE / "CHANGELOG.md").read_text())[1]
    assert first == "Unreleased" or re.fullmatch(
        rf"{re.escape(VERSION)} \(\d{{4}}-\d\d-\d\d\)", first)
