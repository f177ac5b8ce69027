# SPDX-License-Identifier: Apache-2.0
"""Cures what an import has left that a fork would break, where one is known: in the
zygote before the first fork, in each worker after it, and in the zygote at its end.
"""

import gc
import os
import sys
import weakref

_MANY_BITS = 1 << 64  # a seed of more was the system's, not somebody's choice


class Cures:
    def __init__(self):
        """Zygote, after the application and all that it does before the fork. Closes
        what opens itself again at the next use."""
        self._finalizers = _finalizers()
        self._generators = _unseeded_generators()
        close_connections()
        _leave_no_gauges()

    def in_worker(self):
        """Before anything of the application runs there."""
        # What is removed at the end of a process is all processes' here.
        for finalizer in self._finalizers:
            finalizer.detach()
        for generator in self._generators:
            generator.state = type(generator)().state

    def at_end(self):
        """Zygote, when no worker is left."""
        for finalizer in self._finalizers:
            finalizer()
        for name in _named_files():
            try:
                os.unlink(name)
            except OSError:
                pass  # the application was quicker
        if _shared_metrics():
            from prometheus_client import multiprocess
            multiprocess.mark_process_dead(os.getpid())


def _shared_metrics():
    """prometheus_client's files of several processes, where they are in use."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR") and sys.modules.get(
        "prometheus_client.mmap_dict")


def _leave_no_gauges():
    """Metrics that prometheus_client makes as the application is imported are files of
    this process, which serves nobody: its zeros would be the smallest of all workers, and
    rows of their own. What the import has set stays."""
    if not (shared := _shared_metrics()):
        return
    directory = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    try:
        for entry in os.listdir(directory):
            path = os.path.join(directory, entry)
            if entry.startswith("gauge_") and entry.endswith(f"_{os.getpid()}.db") and not any(
                    read[1] for read in shared.MmapedDict.read_all_values_from_file(path)):
                os.unlink(path)
    except Exception:  # a version that we do not know
        pass


def close_connections():
    _close_django()
    _dispose_sqlalchemy()


def _close_django():
    """Django connects again when it needs to."""
    if database := sys.modules.get("django.db"):
        try:
            database.connections.close_all()
            for connection in database.connections.all(initialized_only=True):
                if hasattr(connection, "close_pool"):  # Django 5.1, PostgreSQL
                    connection.close_pool()
        except Exception:  # an older Django; or what cannot be closed, and is found then
            pass


def _dispose_sqlalchemy():
    """An engine opens connections anew, and says goodbye to the server for these ones.
    A database in memory would be gone with its connection."""
    engines = getattr(sys.modules.get("sqlalchemy.engine"), "Engine", None)
    if engines is None:
        return
    for engine in _instances(engines):
        try:
            if engine.dialect.name == "sqlite" and not _is_file(engine.url.database):
                continue
            engine.dispose()
        except Exception:  # of an async driver, say: then it is found
            pass


def _is_file(database):
    return database not in (None, "", ":memory:") and "mode=memory" not in database


def _instances(kind):
    # type(), as isinstance() asks proxies, which ask the application.
    return [o for o in gc.get_objects() if issubclass(type(o), kind)]


def _finalizers():
    """Those that remove temporary directories when they are collected, or at exit."""
    tempfile = sys.modules.get("tempfile")
    if tempfile is None:
        return []
    removers = (tempfile.TemporaryDirectory._cleanup,)
    registered = getattr(weakref.finalize, "_registry", {})
    return [f for f, info in list(registered.items()) if info.func in removers]


def _named_files():
    """NamedTemporaryFile(delete=True): removed when it is closed, which workers, who end
    without collecting what they inherited, never do."""
    closer = getattr(sys.modules.get("tempfile"), "_TemporaryFileCloser", None)
    if closer is None:
        return []
    return [c.name for c in _instances(closer)
            if getattr(c, "delete", False) and not getattr(c, "close_called", False)]


def _unseeded_generators():
    """Bit generators of numpy that were seeded by the system: they would give the same
    numbers in every worker. One that the application has seeded does what it asked for."""
    random = sys.modules.get("numpy.random")
    if random is None:
        return []
    try:
        generators = [random.mtrand._rand._bit_generator]
        generators += [g.bit_generator for g in _instances(random.Generator)]
        generators += [g._bit_generator
                       for g in _instances(getattr(random, "RandomState", ()))]
        return [g for g in generators if _was_seeded_by_the_system(g)]
    except AttributeError:  # a numpy that we do not know
        return []


def _was_seeded_by_the_system(generator):
    # None once seed(number) was called.
    sequence = getattr(generator, "seed_seq", None) or getattr(generator, "_seed_seq", None)
    entropy = getattr(sequence, "entropy", None)
    return isinstance(entropy, int) and entropy >= _MANY_BITS
