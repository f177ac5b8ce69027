# SPDX-License-Identifier: Apache-2.0
"""What Python keeps in the buffers of files until they are closed: a worker leaves by _exit,
which closes no file, so that it is written at its end; and in the zygote before each fork, or
each worker would write it. What has more to do than that when it is closed (the end of a
compressed file, the directory of an archive) is closed at a worker's end.
"""

import gc
import io
import sys
import weakref

# Text first: its buffer is written to the one below.
_KINDS = (io.TextIOWrapper, (io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair))
# Beside files written in Python, what the interpreter's own end would close.
_CLOSED = (("zipfile", "ZipFile"), ("shelve", "Shelf"), ("dbm.dumb", "_Database"),
           ("wave", "Wave_write"), ("tempfile", "_TemporaryFileCloser"))


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
        _flush(files, _KINDS[0])
        _flush(files, _KINDS[1])

    def finish(self):
        """Worker, at its end. Closes nothing that was there before the fork, which is not
        this worker's alone. Raises what the application's own streams raise."""
        try:
            flush_standard_streams()
        finally:
            _flush(_files(), _KINDS[0])
            for close in _unfinished():
                try:
                    close()  # that of a temporary file removes it
                except Exception:  # as at the interpreter's own end
                    continue
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


def _flush(files, kind):
    for one in files:
        try:
            if issubclass(type(one), kind) and _is_written_to(one):
                one.flush()
        except Exception:  # the disk is full, nobody reads: as at the interpreter's own end
            continue


def is_written_in_python(kind):
    """A class of files that does more than what is below it: GzipFile, or one of the
    application's."""
    return issubclass(kind, io.IOBase) and not str(kind.__module__).startswith(
        ("_io", "_monodon"))


def _unfinished():
    """Archives and the like first: they write to files."""
    objects = gc.get_objects()  # without what was frozen
    others = tuple(getattr(sys.modules.get(module), name, ()) for module, name in _CLOSED)
    yield from (one.cleanup if hasattr(one, "cleanup") else one.close
                for one in objects if issubclass(type(one), others))
    yield from (one.close for one in objects
                if is_written_in_python(type(one)) and _is_written_to(one))


def _is_written_to(file):
    try:
        return not file.closed and file.writable()
    except Exception:
        return False
