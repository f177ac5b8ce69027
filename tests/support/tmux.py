# SPDX-License-Identifier: Apache-2.0
"""A real terminal emulator, as somebody has it who came by ssh: a tmux of its own with one
window, in which a command runs."""

import os
import subprocess

from . import proc


class Terminal:
    """`server`: whoever can wait(predicate, what, seconds). The window stays when the command
    ends, and says its status."""

    def __init__(self, server, command, columns=110, rows=24, directory=None):
        self.server = server
        self.socket = server.path("tmux.sock")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  *(["-c", directory] if directory else []),
                  f"{command}; echo status $?; cat")

    def tmux(self, *words):
        return subprocess.run(
            ["tmux", "-S", self.socket, *words], check=True, capture_output=True, text=True,
            timeout=20, env=os.environ | {"LC_ALL": "C.UTF-8", "TERM": "xterm"}).stdout

    def lines(self, colours=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else [])).split("\n")[:-1]

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def until(self, fits, what, timeout=15):
        def shown():
            lines = self.lines()
            return [lines] if fits(lines) else None
        try:
            return self.server.wait(shown, what, timeout)[0]
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.lines()])) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        server = int(self.tmux("display-message", "-p", "#{pid}"))
        self.tmux("kill-server")
        # It answers before it has ended; the next window would be asked of it.
        assert proc.ended(server, 10)
