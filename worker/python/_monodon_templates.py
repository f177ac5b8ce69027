# SPDX-License-Identifier: Apache-2.0
"""The application's own templates in memory before the fork, as its code is: a worker that is
forked after a deploy has replaced them does not read those of other code, and new code with a
template that is broken fails where the old code answers. Zygote, after the application.

Only where a worker would keep what it has read anyway (no DEBUG), only what is found without
the application's help, and within a time: the others are read from the disk, as ever. A
template that cannot be compiled is none of our business, as long as nobody asks for it.
"""

import gc
import os
import signal
import stat
import sys
import time

_PATIENCE = 1.0  # seconds
_MOST = 2_000  # templates
_LARGEST = 1 << 18  # bytes


def keep(is_own):
    """is_own(path): of the application itself, not of what is installed."""
    sys.modules.pop(__name__, None)  # not for workers
    if any(signal.getitimer(signal.ITIMER_REAL)) or signal.getsignal(signal.SIGALRM) is None:
        return  # the application's own, or that of a library in C
    # One may wait: for a fifo, or for a server that a tag asks.
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 2 * _PATIENCE, _PATIENCE)
    try:
        _keep_each(is_own, time.monotonic() + _PATIENCE)
    except TimeoutError:
        return
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _interrupt(*_):
    raise TimeoutError("compiling templates takes too long")


def _keep_each(is_own, until):
    for seen, (find, name) in enumerate(_all(is_own)):
        if seen >= _MOST or time.monotonic() > until:
            return
        try:
            find(name)
        except BaseException:  # noqa: S112 (a tag of the application's may raise anything)
            continue


def _all(is_own):
    """(function that reads and keeps it, name) of each template."""
    try:
        yield from _of_django(is_own)
        yield from _of_flask(is_own)
    except Exception:
        return  # engines that cannot be made are told elsewhere


def _of_django(is_own):
    if not sys.modules["_monodon_runtime"].beside("_monodon_django").in_use():
        return
    from django.conf import settings
    from django.template import engines

    if settings.DEBUG:
        return
    _keep_manifest(settings)
    for backend in engines.all():
        if hasattr(backend, "env"):
            yield from _of_jinja(backend.env, is_own)
            continue
        loaders = getattr(getattr(backend, "engine", None), "template_loaders", ())
        for cached in loaders:
            if not hasattr(cached, "get_template_cache"):
                continue
            for loader in cached.loaders:
                for directory in getattr(loader, "get_dirs", tuple)():
                    for name in _files(str(directory), is_own):
                        yield backend.engine.get_template, name


def _keep_manifest(settings):
    """The names of static files, which go with the templates."""
    from django.utils.module_loading import import_string

    storages = getattr(settings, "STORAGES", {}).get("staticfiles", {}).get("BACKEND")
    name = storages or getattr(settings, "STATICFILES_STORAGE", None)
    if not name or "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return
    from django.contrib.staticfiles import storage

    try:
        # Another one may ask a server for it.
        if issubclass(import_string(name), storage.ManifestStaticFilesStorage):
            storage.staticfiles_storage.hashed_files  # noqa: B018 (read when it is made)
    except Exception:
        return


def _of_flask(is_own):
    flask = sys.modules.get("flask")
    if flask is None:
        return
    for made in gc.get_objects():
        if issubclass(type(made), flask.Flask) and not made.debug:
            yield from _of_jinja(made.jinja_env, is_own)


def _of_jinja(env, is_own):
    if env.auto_reload or env.cache is None:
        return
    room = getattr(env.cache, "capacity", _MOST)

    def find(name):
        filename = env.loader.get_source(env, name)[1]
        if filename and is_own(os.path.abspath(filename)):
            env.get_template(name)
    for name in env.list_templates()[:room]:
        yield find, name


def _files(directory, is_own):
    if not is_own(os.path.join(directory, "any")):
        return
    for where, _, files in os.walk(directory):
        for file in sorted(files):
            path = os.path.join(where, file)
            if is_own(path) and _is_fit(path):
                yield os.path.relpath(path, directory)


def _is_fit(path):
    try:
        about = os.stat(path)
    except OSError:  # a link to nothing
        return False
    # Whoever opens a fifo waits for its other end.
    return stat.S_ISREG(about.st_mode) and about.st_size <= _LARGEST
