# SPDX-License-Identifier: Apache-2.0
"""The command `monodon` of a wheel: becomes the server, which lies beside this file."""

import os
import sys


def main():
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "monodon")
    # The application runs in the environment that the server was installed into, unless
    # another one is active or the settings name an interpreter.
    if sys.prefix != sys.base_prefix:
        os.environ.setdefault("VIRTUAL_ENV", sys.prefix)
    os.execv(program, [program, *sys.argv[1:]])
