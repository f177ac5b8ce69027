# SPDX-License-Identifier: Apache-2.0
"""Pages for people lead to each other: every page is linked from README.md, and every relative
link, with its anchor, leads somewhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KNOWN = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                       capture_output=True, text=True, check=True).stdout.split()
PAGES = [path for path in KNOWN if path.endswith(".md") and not path.startswith("tests/")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def without_code(text):
    """Blocks and spans of code hold no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^ *```.*?^ *```", "", text))


def links(page):
    """(file below the root, anchor) of each relative link."""
    for target in LINK.findall(without_code((ROOT / page).read_text())):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            whole = (ROOT / page).parent / path if path else ROOT / page
            yield str(whole.resolve().relative_to(ROOT)), anchor


def anchors(page):
    """Of each heading, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", (ROOT / page).read_text()))
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
            .replace(" ", "-") for heading in headings}


def test_there_are_pages():
    assert "README.md" in PAGES and "docs/gunicorn.md" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    wrong = [f"{path}#{anchor}" for path, anchor in links(page)
             if not (ROOT / path).exists()
             or (anchor and path.endswith(".md") and anchor not in anchors(path))]
    assert wrong == []


def test_every_page_is_linked_from_the_readme():
    linked = {path for path, _ in links("README.md")}
    manuals = [path for path in KNOWN if path.startswith("docs/man/")]
    assert [page for page in [*PAGES, *manuals] if page not in linked | {"README.md"}] == []


def test_every_page_for_operators_is_installed():
    build = (ROOT / "conf/meson.build").read_text()
    pages = [page for page in PAGES if re.fullmatch(r"docs/\w+\.md", page)]
    assert [page for page in pages if f"'../{page}'" not in build] == []


@pytest.mark.parametrize("page", PAGES)
def test_metrics_and_settings_that_a_page_names_exist(page):
    text = (ROOT / page).read_text()
    metrics = set(re.findall(r"\bmonodon_[a-z_]+[a-z]\b", text))
    known = set(re.findall(r"\bmonodon_\w+", (ROOT / "docs/man/monodon-metrics.7").read_text()))
    settings = set(re.findall(r"(?m)^#(\w+):", (ROOT / "conf/monodon.yaml").read_text()))
    used = re.findall(r"(?m)^(\w+):", "".join(re.findall(r"(?ms)^```yaml\n(.*?)^```", text)))
    assert (metrics - known, set(used) - settings) == (set(), set())
