# SPDX-License-Identifier: Apache-2.0
"""A real Chromium, driven by its own driver (W3C WebDriver, and the DevTools protocol for
what that lacks: the width of a telephone, a dark desktop)."""

import base64
import json
import subprocess
import urllib.error
import urllib.request

from .prometheus import free_port
from .until import PATIENCE, until


class Browser:
    def __init__(self, profile):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={self.url.rsplit(':', 1)[1]}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.session = ""
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     f"--user-data-dir={profile}"]
        self.until(lambda: self._status()["ready"], "the driver")
        made = self.ask("", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}}}}, "POST", "/session")
        self.session = "/session/" + made["sessionId"]

    def ask(self, path, body=None, method=None, base=None):
        asked = urllib.request.Request(
            self.url + (self.session if base is None else base) + path,
            data=None if body is None else json.dumps(body).encode(), method=method,
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=90 * PATIENCE) as answer:
            return json.load(answer)["value"]

    def _status(self):
        try:
            return self.ask("/status", base="")
        except urllib.error.URLError:
            return {"ready": False}

    def until(self, predicate, what):
        return until(predicate, what, 30)

    def open(self, url):
        self.ask("/url", {"url": url})

    def run(self, script, *arguments):
        """The value of a function's body in the page."""
        return self.ask("/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def title(self):
        return self.run("return document.title")

    def is_shown(self, name):
        """It takes room on the page."""
        return self.run("return document.getElementById(arguments[0]).getClientRects().length"
                        " > 0", name)

    def press(self, key):
        """On what has the focus. `key`: "Tab", "Escape", "ArrowLeft"..."""
        for kind in ("rawKeyDown", "keyUp"):
            self._devtools("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                           windowsVirtualKeyCode={"Tab": 9, "Enter": 13, "Escape": 27,
                                                  "ArrowLeft": 37, "ArrowRight": 39}[key])

    def allow_scripts(self, allowed):
        self._devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    def look(self, width, height=900, dark=False):
        """As on a screen of that size, of somebody who has it dark or light."""
        self._devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                       deviceScaleFactor=1, mobile=False)
        scheme = "dark" if dark else "light"
        self._devtools("Emulation.setEmulatedMedia",
                       features=[{"name": "prefers-color-scheme", "value": scheme}])

    def _devtools(self, command, **parameters):
        return self.ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def picture(self, path):
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return innerWidth")
        self._devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                       deviceScaleFactor=1, mobile=False)
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("/screenshot")))

    def close(self):
        if self.session:
            self.ask("", method="DELETE")
        self.driver.terminate()
        self.driver.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
