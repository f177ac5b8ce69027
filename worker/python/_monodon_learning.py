# SPDX-License-Identifier: Apache-2.0
"""Learned imports: what a worker had to import after the fork, the zygote of the next
generation imports before it. A worker tells names; a throw-away child of its zygote, which
has the same code, tries whether they can be imported in advance; the next zygote imports
those that can. Lines: the name of a module, after a "!" if it is the application's own,
and a "?" before that if it is only compiled.
"""

import contextlib
import importlib
import importlib.machinery
import importlib.util
import os
import re
import resource
import sys
import threading
import time
import types

from _monodon_failure import explain

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_LONGEST_NAME = 200
_MOST_NAMES = 1000
_LONGEST_IMPORT = 2.0  # seconds
_LARGEST_IMPORT = 64 * 1024  # KiB


_MARK = "_monodon_import_begun"  # in sys.modules: one more, so that somebody looks there


class Learner:
    """In a worker; made in the zygote, whose modules are known to all. First of
    sys.meta_path, it is told what is going to be imported: a module that then fails is in
    no list of modules, and may be one that a deploy has overwritten."""

    def __init__(self, is_own):
        self._is_own = is_own
        self._known = set(sys.modules)
        self._since = time.time()
        self._zygote = os.getpid()
        self._begun = {}  # name: where it is looked for, until news()
        self._noted = set()
        self._left_out = None  # a thread that looks at files without need
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, _target=None):
        if name not in self._noted and len(self._noted) < _MOST_NAMES and (
                os.getpid() != self._zygote and threading.get_ident() != self._left_out):
            self._noted.add(name)
            self._begun[name] = path
            sys.modules.setdefault(_MARK, types.ModuleType(_MARK))

    def news(self):
        """(lines, names of files that are newer than the zygote's import)."""
        lines, newer = [], []
        sys.modules.pop(_MARK, None)
        begun, self._begun = self._begun, {}
        for name, path in begun.items():
            file = "" if name in sys.modules else _file_for(name, path)
            if file and _changed(file) > self._since:
                newer.append(f"{name} ({file})")
        for name in [name for name in list(sys.modules) if name not in self._known]:
            self._known.add(name)
            file = _file_of(name)
            if not file:
                continue
            lines.append("!" * self._is_own(file) + name)
            if _changed(file) > self._since:
                newer.append(f"{name} ({file})")
        return lines, newer

    def is_as_old(self, name):
        """Whether its file was there, as it is, when the application was imported."""
        spec = importlib.util.find_spec(name)
        return spec is not None and bool(spec.origin) and _changed(spec.origin) <= self._since

    @contextlib.contextmanager
    def leaving_out_this_thread(self):
        self._left_out = threading.get_ident()
        try:
            yield
        finally:
            self._left_out = None

    def know_all(self):
        self._known.update(sys.modules)


def _file_of(name):
    """Where it came from, if importing it by that name would do the same again."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if getattr(spec, "name", None) != name or not getattr(spec, "has_location", False):
        return ""
    if name.startswith(("_monodon_", "monodon.")) or len(name) > _LONGEST_NAME:
        return ""
    return spec.origin if _NAME.fullmatch(name) and isinstance(spec.origin, str) else ""


def _file_for(name, path):
    """Where one would be imported from."""
    try:
        spec = importlib.machinery.PathFinder.find_spec(name, path)
    except Exception:  # a finder of the site
        return ""
    return spec.origin if spec and spec.has_location and isinstance(spec.origin, str) else ""


def _changed(file):
    """Also by tar or rsync, which give a file the time that it had elsewhere."""
    try:
        status = os.stat(file)
        return max(status.st_mtime, status.st_ctime)
    except OSError:
        return 0


class Trial:
    """In a throw-away process: which modules can be imported before a fork. state() is
    quick, and tells that something may have been left; left() tells what it is."""

    def __init__(self, state, left):
        self._state, self._left = state, left
        self._before, self._known = state(), left()

    def can_be_imported_early(self, line):
        memory, begin = _memory(), time.monotonic()
        try:
            importlib.import_module(line.lstrip("!"))
        except BaseException:  # it needs a request, perhaps
            return False
        cheap = (
            time.monotonic() - begin <= _LONGEST_IMPORT
            and _memory() - memory <= _LARGEST_IMPORT
        )
        return self._leaves_nothing() and cheap

    def _leaves_nothing(self):
        if self._state() == self._before:
            return True
        known, self._known = self._known, self._left()
        self._before = self._state()
        return self._known == known


def _memory():
    """Resident, in KiB. Not ru_maxrss, which begins with what the parent once had."""
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read().split()[1]) * (resource.getpagesize() // 1024)


def import_early(lines, refuse):
    """In the next zygote. (broken, told): texts about what cannot be imported any more."""
    broken, told = [], []
    for line in lines:
        name = line.lstrip("?!")
        if name in sys.modules:
            continue
        try:
            (_compile if line.startswith("?") else importlib.import_module)(name)
        except BaseException as error:
            if _is_gone(name, error):
                continue
            judged = broken if refuse and "!" in line else told
            way_out = "To deploy it all the same: learned_imports: tell\n" if refuse else ""
            judged.append(
                f"{name}, which the serving code has imported, cannot be imported any more: "
                f"{explain(error, way_out)}")
    return broken, told


def _compile(name):
    """Raises what importing it would, if its text is no Python. Imports nothing, no package
    that it is in either."""
    path, parts = None, name.split(".")
    for end in range(1, len(parts) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None:
            return
        path = spec.submodule_search_locations
    if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        spec.loader.source_to_code(spec.loader.get_data(spec.origin), spec.origin)


def import_good(lines, learner):
    """In the serving zygote: those of `lines` whose code is still that of the application.
    Whether anything was imported."""
    before = len(sys.modules)
    for line in lines:
        name = line.lstrip("!")
        try:
            if name not in sys.modules and learner.is_as_old(name):
                importlib.import_module(name)
        except BaseException:  # it was good a moment ago; workers import it themselves
            continue
    learner.know_all()
    return len(sys.modules) > before


def import_beside_requests(lines, learner):
    """In a worker that serves, in a thread of its own: what was found good."""
    with learner.leaving_out_this_thread():
        import_good(lines, learner)


def _is_gone(name, error):
    """It, or a package it was in: new code may have less than the old one."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return False
    return name == error.name or name.startswith(error.name + ".")
