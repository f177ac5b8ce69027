# SPDX-License-Identifier: Apache-2.0
"""Signals of the application in a worker, and the end of a process that it forks and that
comes out of its code into ours.
"""

import os
import signal
import sys
import threading

from _monodon_files import flush_standard_streams

_forked = []  # pid of this process, if the application forked it


def watch_signals(fd):
    """Has the interpreter write to `fd` whenever a signal comes, in any thread."""
    signal.set_wakeup_fd(fd, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: _forget_signals(fd))


def _forget_signals(fd):
    _forked.append(os.getpid())
    if (set_since := signal.set_wakeup_fd(-1)) not in (fd, -1):
        signal.set_wakeup_fd(set_since)


def end_stranger(error):
    """The end of a process that the application forked, as Python's own but for what is
    registered for the worker's. error: what it did not catch, or None. -> exit status"""
    status = 0 if error is None else 1
    if isinstance(error, SystemExit) and isinstance(error.code, (int, type(None))):
        status = error.code or 0
    elif isinstance(error, SystemExit):
        print(error.code, file=sys.stderr)
    elif error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
    for thread in threading.enumerate() if _forked else ():  # clone(2): the parent's
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    flush_standard_streams()
    return status & 0xFF
