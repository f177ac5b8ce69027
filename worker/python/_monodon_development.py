# SPDX-License-Identifier: Apache-2.0
"""For who writes the application: the files of its modules are told to the watcher
(monodon watch), and the terminal is its own. Zygote and worker, with `reload` or
`development` only.
"""

import contextlib
import functools
import os
import signal
import sys
import threading
import time
import traceback

from _monodon_failure import chain

_FD = 5  # worker::kModulesFd
_PERIOD = 1.0  # seconds; what is in the application's own tree is watched anyway


class Development:
    def __init__(self, watched, terminal):
        self._watched, self._terminal, self._told = watched, terminal, set()
        self._began = time.time_ns()  # what is saved from now on may not be in memory
        if terminal:
            # Ctrl-C is for the master alone, which ends us.
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def settle_django(self):
        """Before the application is imported: manage.py's settings are those of the site,
        as under runserver, also where wsgi.py assigns DJANGO_SETTINGS_MODULE."""
        if not self._terminal or not os.environ.get("DJANGO_SETTINGS_MODULE"):
            return
        if os.path.exists("manage.py"):
            with contextlib.suppress(Exception):  # the application comes to the same
                from django.conf import settings
                settings.INSTALLED_APPS

    def dress(self, application):
        """The application with what runserver and `flask --debug run` would add to it."""
        if not self._terminal:
            return application
        django = sys.modules["_monodon_runtime"].beside("_monodon_django")
        return _with_debugger(django.with_static_files(application))

    def tell_modules(self):
        """The files of all modules that were not told before."""
        for module in list(sys.modules.values()) if self._watched else ():
            self._tell(getattr(module, "__file__", None))

    def tell_failure(self, error):
        """The files that made it: a module whose import failed is no module any more."""
        for link in chain(error) if self._watched else ():
            for frame, _ in traceback.walk_tb(link.__traceback__):
                self._tell(frame.f_code.co_filename)
            self._tell(getattr(link, "filename", None))  # of a SyntaxError

    def _tell(self, file):
        if not isinstance(file, str) or file in self._told or not os.path.isfile(file):
            return
        self._told.add(file)
        # Both names: the file itself, and a link that may come to lead elsewhere.
        for path in {os.path.abspath(file), _resolved(file)}:
            _say(self._began, path[:-1] if path.endswith(".pyc") else path)

    def in_worker(self):
        """All modules are told by a thread, so that no request waits for it."""
        if self._watched:
            threading.Thread(target=self._follow, name="monodon-modules", daemon=True).start()

    def _follow(self):
        seen, pause = 0, threading.Event()
        while True:
            if len(sys.modules) != seen:
                seen = len(sys.modules)
                self.tell_modules()
            pause.wait(_PERIOD)


def _with_debugger(application):
    """Werkzeug's, around a Flask application with FLASK_DEBUG or app.debug."""
    flask = sys.modules.get("flask")
    if flask is None or not isinstance(application, flask.Flask) or not application.debug:
        return application
    from werkzeug.debug import DebuggedApplication

    return DebuggedApplication(application, evalex=True)


def _resolved(file):
    """os.path.realpath, which looks at every directory again for every file."""
    path = os.path.join(_directory(os.path.dirname(file)), os.path.basename(file))
    return os.path.realpath(path) if os.path.islink(path) else path


_directory = functools.lru_cache(maxsize=1000)(os.path.realpath)


def _say(began, path):
    line = b"%d " % began + os.fsencode(path)
    if b"\n" in line or len(line) > 4000:
        return
    try:
        os.write(_FD, line + b"\n")  # whole: it is shorter than PIPE_BUF
    except OSError:  # nobody reads, and there is no room: it is only a convenience
        pass
