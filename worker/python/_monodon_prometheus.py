# SPDX-License-Identifier: Apache-2.0
"""monodon.prometheus: the metrics that an application makes with prometheus_client, kept
in memory that all workers share, and shown by the exporter's /metrics.

    import monodon.prometheus  # before the first metric is made

It takes the place of prometheus_client's multiprocess files; the modes of gauges mean
the same. What import writes is written by each worker, as if it had imported the
application itself. A process that the application forks from a worker keeps its values
to itself. Where there is no region (`monodon check`) values are those of one process.
The layout of the region is told in metrics/application/application_region.h.
"""

import fcntl
import json
import mmap
import os
import struct
import sys
import threading
import warnings

import prometheus_client.registry
import prometheus_client.values

_FD = 4
_MAGIC = b"MNDNAPP1"
_HEADER = 4096
_ENTRIES = 4096
_ENTRY_SIZE = 1024
_SLOTS = 1024
_CELL_WORDS = 3  # value, time, pid
_COLUMNS = _HEADER + _ENTRIES * _ENTRY_SIZE
_COLUMN_SIZE = _ENTRIES * _CELL_WORDS * 8
_SIZE = _COLUMNS + _SLOTS * _COLUMN_SIZE
_ENTRY = struct.Struct("=II")


class Region:
    """The table of series: what workers write together, under a lock of the kernel that
    goes with its process."""

    def __init__(self, fd):
        self._fd = fd
        memory = memoryview(mmap.mmap(fd, _SIZE))
        if bytes(memory[:8]) != _MAGIC:
            raise ValueError("not a region for metrics")
        self._memory = memory
        self._counts = memory[8:24].cast("Q")  # in use, dropped
        self._known = {}
        self._read = 0

    def _learn(self):
        while self._read < min(self._counts[0], _ENTRIES):
            at = _HEADER + self._read * _ENTRY_SIZE
            length, _ = _ENTRY.unpack_from(self._memory, at)
            length = min(length, _ENTRY_SIZE - _ENTRY.size)
            start = at + _ENTRY.size
            self._known[bytes(self._memory[start : start + length])] = self._read
            self._read += 1

    def find(self, key, gauge):
        """The number of the entry with this key, a new one if need be; None: no room."""
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            self._learn()
            if key in self._known:
                return self._known[key]
            if self._read == _ENTRIES or len(key) > _ENTRY_SIZE - _ENTRY.size:
                self._counts[1] += 1
                return None
            number, at = self._read, _HEADER + self._read * _ENTRY_SIZE
            start = at + _ENTRY.size
            self._memory[start : start + len(key)] = key
            self._memory[at : at + _ENTRY.size] = _ENTRY.pack(len(key), gauge)
            self._counts[0] = number + 1
            self._learn()
            return number
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def column(self, slot):
        """(values, pids) of a slot, for the one worker in it. The gauges of the worker
        before are gone with it."""
        start = _COLUMNS + slot * _COLUMN_SIZE
        part = self._memory[start : start + _COLUMN_SIZE]
        values, pids = part.cast("d"), part.cast("Q")
        for number in range(min(self._counts[0], _ENTRIES)):
            if self._memory[_HEADER + number * _ENTRY_SIZE + 4]:
                pids[number * _CELL_WORDS + 2] = 0
        return values, pids


class _State:
    """Of this process."""

    region = None
    column = None  # (values, pids) once the worker has its slot
    lock = threading.Lock()
    values = []
    warned = False


def _key(parameters):
    """Without its help if it were too long with it."""
    kind, metric, sample, names, labels, text, mode = parameters
    labels = dict(zip(names, labels))
    for shown in (text, ""):
        key = json.dumps(
            [kind, mode, metric, sample, labels, shown],
            sort_keys=True, ensure_ascii=False, separators=(",", ":"),
        ).encode("utf-8", "replace")
        if len(key) <= _ENTRY_SIZE - _ENTRY.size:
            break
    return key


class SharedValue:
    """What prometheus_client keeps each of its numbers in (values.ValueClass)."""

    _multiprocess = True

    def __init__(self, typ, metric_name, name, labelnames, labelvalues, help_text,
                 multiprocess_mode="", **_):
        self._gauge = typ == "gauge"
        self._key = _key((typ, metric_name, name, labelnames, labelvalues, help_text,
                          multiprocess_mode if self._gauge else ""))
        self._value = self._time = 0.0
        self._at = None
        with _State.lock:
            _State.values.append(self)
            if _State.column:
                self._attach()

    def _attach(self):
        """Into the column of this worker, with what was written before."""
        number = _State.region.find(self._key, self._gauge)
        if number is None:
            self._at = None
            if not _State.warned:
                _State.warned = True
                warnings.warn("monodon.prometheus: no room for more series; those that "
                              "come now are not shown", RuntimeWarning, stacklevel=2)
            return
        values, pids = _State.column
        at = self._at = number * _CELL_WORDS
        if self._gauge and pids[at + 2] == os.getpid():
            self._value, self._time = values[at], values[at + 1]  # known by this worker
        elif self._gauge:
            values[at], values[at + 1] = self._value, self._time
        else:
            values[at] += self._value
        pids[at + 2] = os.getpid()

    def inc(self, amount):
        with _State.lock:
            self._value += amount
            self._time = 0.0
            self._write(amount)

    def set(self, value, timestamp=None):
        with _State.lock:
            grown = value - self._value
            self._value = value
            self._time = timestamp or 0.0
            self._write(grown)

    def _write(self, grown):
        if self._at is None or not _State.column:
            return
        values = _State.column[0]
        if self._gauge:
            values[self._at + 1] = self._time
            values[self._at] = self._value
        else:
            values[self._at] += grown  # on top of the workers before

    def get(self):
        with _State.lock:
            return self._value

    def set_exemplar(self, exemplar):
        """Not shown: the text format that the exporter speaks has none."""

    def get_exemplar(self):
        return None


def start_worker(slot):
    """In a worker, once; by the server."""
    with _State.lock:
        if _State.region and 0 <= slot < _SLOTS:
            _State.column = _State.region.column(slot)
            for value in _State.values:
                value._attach()


def _leave_column():
    """In a child: the column is its parent's, or (a zygote's child) not known yet."""
    _State.lock = threading.Lock()
    _State.column = None


def _open_region():
    try:
        if not os.readlink(f"/proc/self/fd/{_FD}").startswith("/memfd:monodon-application"):
            return None
        return Region(_FD)
    except (OSError, ValueError):
        return None


def _install():
    early = sorted(
        name
        for collector, names in list(getattr(prometheus_client.REGISTRY, "_collector_to_names", {}).items())
        if isinstance(collector, prometheus_client.metrics.MetricWrapperBase)
        for name in names[:1]
    )
    if early:
        raise ImportError("monodon.prometheus must be imported before the first metric is "
                          f"made; these were made already: {', '.join(early)}")
    os.register_at_fork(after_in_child=_leave_column)
    _State.region = _open_region()
    prometheus_client.values.ValueClass = SharedValue
    runtime = sys.modules.get("_monodon_runtime")
    if runtime and runtime._info:  # imported by a worker that serves already
        start_worker(runtime._info[-1].slot)


_install()
