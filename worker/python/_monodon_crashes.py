# SPDX-License-Identifier: Apache-2.0
"""Which Python code a worker was in that a signal kills. Worker."""

import faulthandler
import os
import stat

_file = []  # where faulthandler writes, if that is our choice


def explain():
    """Lets a worker that a signal kills say which Python code it was in."""
    if faulthandler.is_enabled():  # PYTHONFAULTHANDLER, or the application's choice
        return
    try:
        # Not stderr itself: a full pipe would keep the dying process from dying.
        fd = os.open("/proc/self/fd/2", os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND)
    except OSError:
        fd = 2
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                return  # somebody else's pipe
        except OSError:
            return  # closed
    _file.append(fd)
    faulthandler.enable(file=fd, all_threads=False)


def go_before(install):
    """A handler of a signal that kills: it is called after the stack is written."""
    if faulthandler.is_enabled() and not _file:
        return  # the application's own, of which nobody knows where it writes
    faulthandler.disable()
    install()
    if _file:
        faulthandler.enable(file=_file[0], all_threads=False)
