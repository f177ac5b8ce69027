# SPDX-License-Identifier: Apache-2.0
"""Objects of PEP 3333 that an application gets: wsgi.errors and wsgi.file_wrapper."""

import io
import os
import stat

import _monodon


class ErrorStream:
    """wsgi.errors: the error log."""

    closed = False

    def write(self, text):
        _monodon.log_raw(text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass


class FileWrapper:
    """wsgi.file_wrapper: yields a file in blocks. A regular file is not even read:
    see file_span().
    """

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def __getitem__(self, key):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise IndexError(key)


def file_wrapper_type():
    return FileWrapper


def file_span(wrapper):
    """(fd, offset, count) of what reading would give, or None if it has to be read.

    A fileno() proves nothing: that of a GzipFile is the compressed file's. What reads
    is the object that its read method is bound to, also behind Django's File.
    """
    reader = getattr(getattr(wrapper.filelike, "read", None), "__self__", None)
    raw = reader if type(reader) is io.FileIO else getattr(reader, "raw", None)
    if type(reader) not in (io.FileIO, io.BufferedReader, io.BufferedRandom):
        return None
    if type(raw) is not io.FileIO:
        return None
    try:
        if type(reader) is io.BufferedRandom:
            reader.flush()
        status = os.fstat(raw.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        offset = reader.tell()
        count = max(0, status.st_size - offset)
        # Some file systems invent the size (/proc: 0, /sys: 4096). A last byte proves it.
        if count == 0 or not os.pread(raw.fileno(), 1, offset + count - 1):
            return None
    except (OSError, ValueError):
        return None
    return raw.fileno(), offset, count
