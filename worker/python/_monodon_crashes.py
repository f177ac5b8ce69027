# SPDX-License-Identifier: Apache-2.0
"""Which Python code a process was in that a signal kills, that ends itself, or that hangs
as it imports the application. Zygote, then worker.
"""

import contextlib
import faulthandler
import os
import stat
import sys

_file = []  # where faulthandler writes, if that is our choice


def explain():
    """Lets a process that a signal kills say which Python code it was in."""
    if faulthandler.is_enabled():  # from the zygote, PYTHONFAULTHANDLER, the application
        return
    fd = _standard_error()
    if fd is None:
        return
    _file.append(fd)
    faulthandler.enable(file=fd, all_threads=False)
    _let_the_application_choose()


def explain_import(stacks_signal):
    """And where it was when that signal comes."""
    explain()
    faulthandler.register(stacks_signal, file=_file[0] if _file else 2, all_threads=True)


def _let_the_application_choose():
    real = faulthandler.enable

    def enable(*arguments, **keywords):
        _file.clear()
        faulthandler.enable = real
        return real(*arguments, **keywords)
    faulthandler.enable = enable


@contextlib.contextmanager
def exits_told():
    """os._exit() leaves no exception, and so no place. Not in what is forked meanwhile,
    which ends like that."""
    real, here = os._exit, os.getpid()

    def end(status):
        if os.getpid() == here:
            print(f"the application ends the process, with os._exit({status}):",
                  file=sys.stderr, flush=True)
            faulthandler.dump_traceback(file=2, all_threads=False)
        real(status)
    os._exit = end
    try:
        yield
    finally:
        if os._exit is end:
            os._exit = real


def _standard_error():
    with contextlib.suppress(OSError):
        if stat.S_ISREG(os.fstat(2).st_mode):
            return 2  # others write there, each after the other only by one description
    try:
        # Not stderr itself: a full pipe would keep the dying process from dying.
        fd = os.open("/proc/self/fd/2", os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND)
    except OSError:
        fd = 2
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                return None  # somebody else's pipe
        except OSError:
            return None  # closed
    return fd


def go_before(install):
    """A handler of a signal that kills: it is called after the stack is written."""
    if faulthandler.is_enabled() and not _file:
        return  # the application's own, of which nobody knows where it writes
    faulthandler.disable()
    install()
    if _file:
        faulthandler.enable(file=_file[0], all_threads=False)
