# SPDX-License-Identifier: Apache-2.0
"""A server that sees other file systems than the machine has."""

import shlex

from support.server import Server


class Jailed(Server):
    """A server in a mount namespace of its own, after some commands of a shell."""

    def __init__(self, commands, *arguments, **options):
        super().__init__(*arguments, **options)
        self.commands = commands

    def argv(self):
        script = "".join(f"{command} && " for command in self.commands)
        return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                script + "exec " + shlex.join(super().argv())]
