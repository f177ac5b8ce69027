# SPDX-License-Identifier: Apache-2.0
"""Servers whose dashboard a browser opens, and what it finds there."""

import json
import os
import shutil

import pytest

from .prometheus import free_port
from .server import Server

needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium") or not shutil.which("chromedriver"),
    reason="Debian's chromium and chromium-driver are not installed")

# The worst contrast of a text with what is behind it (WCAG 2.1, 1.4.3).
CONTRAST = """
const parse = text => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(
  v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
function behind(element) {
  for (; element; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
}
let worst = [21, ""];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own || !element.getClientRects().length) continue;
  const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))]
    .sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < worst[0]) worst = [ratio, element.textContent];
}
return worst;
"""


def served(*arguments, environment=None, **options):
    """A server with its dashboard on a port of the loopback: `page` is its address."""
    port = free_port()
    server = Server(*arguments, environment={"MONODON_METRICS_BIND": f"127.0.0.1:{port}",
                                             **(environment or {})}, **options)
    server.page = f"http://127.0.0.1:{port}/"
    return server


def says(server):
    """What the page is told, from the scoreboard."""
    host, port = server.page.split("/")[2].split(":")
    try:
        with server.connect((host, int(port))) as connection:
            return json.loads(connection.get("/dashboard.json", host="127.0.0.1").body)
    except OSError:
        return None


def shot(browser, name):
    """A picture, where MONODON_SCREENSHOTS names a directory for them."""
    if directory := os.environ.get("MONODON_SCREENSHOTS"):
        browser.picture(f"{directory}/{name}.png")


def cards(browser):
    """{slot: (classes of its card, its texts)}"""
    return {int(slot): (classes, texts) for slot, classes, texts in browser.run("""
        return [...document.querySelectorAll(".slot")].map(card => [card.dataset.slot,
          card.className, [...card.querySelectorAll("*")].filter(e => !e.children.length)
            .map(e => e.textContent)])""")}


def await_looks(browser, count=2):
    """The page has asked for news and shown them so often."""
    seen = []
    def looked():
        time = browser.run("return newest ? newest.time : 0")
        if time not in seen:
            seen.append(time)
        return len(seen) > count
    browser.until(looked, "news on the page")
