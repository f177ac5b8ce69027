# SPDX-License-Identifier: Apache-2.0
"""What Python keeps in the buffers of files until they are closed: a worker leaves by _exit,
which closes no file, so that it is written at its end; and in the zygote before each fork, or
each worker would write it.
"""

import gc
import io
import sys
import weakref

# Text first: its buffer is written to the one below.
_KINDS = (io.TextIOWrapper, (io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair))


class Files:
    def __init__(self):
        self._before_freeze = []  # weak references: no list of the collector's has them then

    def prepare_to_freeze(self):
        """Zygote, before each gc.freeze()."""
        self._before_freeze += [weakref.ref(one) for one in _files()]

    def flush(self):
        """Zygote, before each fork and at its end, and worker, at its end. May wait for who
        reads from a pipe."""
        files = [one for reference in self._before_freeze if (one := reference()) is not None]
        files += _files()
        for kind in _KINDS:
            for one in files:
                if issubclass(type(one), kind):
                    _flush(one)

    def flush_all(self):
        """Raises what the application's own streams raise."""
        try:
            flush_standard_streams()
        finally:
            self.flush()


def flush_standard_streams():
    """Raises what the application's own streams raise."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _files():
    # type(), as isinstance() asks proxies, which ask the application.
    kinds = (_KINDS[0], *_KINDS[1])
    return [one for one in gc.get_objects() if issubclass(type(one), kinds)]


def _flush(file):
    try:
        if not file.closed and file.writable():
            file.flush()
    except Exception:  # the disk is full, nobody reads: as at the interpreter's own end
        pass
