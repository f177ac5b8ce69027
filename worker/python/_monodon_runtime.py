# SPDX-License-Identifier: Apache-2.0
"""The part of the worker's Python side that no request pays for: loading the application, what
does not survive a fork, threads, streams. Called by the extension (worker/python/*.cc) only.
"""

import atexit
import collections
import faulthandler
import functools
import gc
import importlib.util
import os
import signal
import sys
import threading
import time

import _monodon

_SETTLING = (0.1, 0.2, 0.4)  # seconds, before it is looked again at what an import has left
_before = {}  # descriptors, before anything of the application ran
_mapped = {}  # shared memory, at that time
opened_by_file = set()  # descriptors, of a gunicorn.conf.py that was run before
_hooks = {}  # "pre_fork", "post_fork", "pre_stop": functions of the application
_info = []  # of this worker
_gunicorn = []  # its configuration, if there is one
_served = []  # the application itself
_cures = []  # of what the import has left, once that is known
_seeds = []  # a watch over generators of random numbers, until this is a worker
_learners = []  # one, if workers tell what they import after the fork
_trial = []  # one, in a child of the zygote that tries imports
_home = []  # directories of the application's own modules
_development = []  # one, for a server of somebody who writes the application


def beside(name):
    """A module of ours, which is no module of the application's."""
    if name in sys.modules:
        return sys.modules[name]
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, here)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # for those of ours that import it
    spec.loader.exec_module(module)
    return module


_crashes = beside("_monodon_crashes")
_failure = beside("_monodon_failure")
format_exception = _failure.format_exception
explain = _failure.explain
_files = beside("_monodon_files").Files()
_loading = beside("_monodon_loading")
_strangers = beside("_monodon_strangers")
watch_signals = _strangers.watch_signals
end_stranger = _strangers.end_stranger
_wsgi_objects = beside("_monodon_wsgi_objects")
ErrorStream = _wsgi_objects.ErrorStream
file_wrapper_type = _wsgi_objects.file_wrapper_type
file_span = _wsgi_objects.file_span


def explain_request(exception, path):
    if "logging" in sys.modules:
        beside("_monodon_gunicorn_log").tell_failure(exception, path, format_exception)
    return format_exception(exception)


# Loading


def take_output(stdout_too):
    beside("_monodon_streams").take_output(stdout_too)


def log_exceptions():
    django = beside("_monodon_django")
    if django.in_use():
        django.log_exceptions()


def load_application(spec, interface="auto"):
    """-> (failure, application or why, whether it is ASGI)"""
    for development in _development:
        development.settle_django()
    with _crashes.exits_told():
        failure, found, asynchronous = _loading.load_application(spec, interface)
    if asynchronous:
        for configuration in _gunicorn:
            configuration.serves_asgi(found)
        return failure, found, True
    for development in _development:
        if failure:
            development.tell_modules()  # no worker will
        else:
            found = development.dress(found)
    _served[:] = [] if failure else [found]
    for configuration in _gunicorn:
        found = found if failure else configuration.wrap(found)
    return failure, found, False


def dress_for_rehearsal(application):
    return beside("_monodon_causes").raising(application)


def develop(watched, terminal):
    if not _development:
        _development.append(beside("_monodon_development").Development(watched, terminal))
        _loading.on_failure.append(_development[0].tell_failure)


def set_argv(argv):
    sys.argv[:] = argv or ["monodon"]


def set_up_loggers(settings):
    if not _before:  # once: a gunicorn.conf.py may have configured them since
        beside("_monodon_gunicorn_log").install(*settings)


def prepare_interpreter(path, environment):
    """path: the working directory ("" is the current one), then more for sys.path, each
    before what is there: the last one comes first, as with Gunicorn's pythonpath."""
    for entry in environment:
        key, _, value = entry.partition("=")
        os.environ[key] = value
    os.environ["SERVER_SOFTWARE"] = _monodon.SERVER_SOFTWARE
    front = []
    for directory in [path[0] or os.getcwd(), *path[1:]]:
        # A release by symbolic link: what an old generation imports later must be of its
        # own release, wherever the link points by then.
        directory = os.path.realpath(directory)
        if directory not in front:
            front.insert(0, directory)
    _home[:] = front
    sys.path[:] = front + [p for p in sys.path if p not in front]
    if not _before:
        _before.update({fd: what for fd, what in beside("_monodon_probe").descriptors().items()
                        if fd not in opened_by_file})
        _mapped.update(beside("_monodon_probe").shared_memory())
    if not _seeds:
        _seeds.append(beside("_monodon_seeds").Seeds())


def import_late(learned, refuse):
    """Imports what the application imports at its first requests only. Returns two
    lists of texts, for people: what is broken, and what is only worth telling."""
    broken, told = beside("_monodon_django").import_late(_of_the_application)
    if learned and not broken:
        with _crashes.exits_told():
            more = beside("_monodon_learning").import_early(learned, refuse)
        broken += more[0]
        told += more[1]
    return broken, told


def _of_the_application(file):
    """Whether `file` is in the application's own tree, links resolved."""
    if not isinstance(file, str) or not os.path.isabs(file):
        return False  # "<frozen importlib._bootstrap>"
    file = os.path.realpath(file)
    installed = {"site-packages", "dist-packages"}
    return any(file.startswith(home + os.sep) for home in _home) and (
        installed.isdisjoint(file.split(os.sep)))


# Fork


def call_pre_fork():
    if not _development:
        beside("_monodon_templates").keep(_of_the_application)
    _hooks["pre_fork"]()


def prepare_to_fork(explain):
    """Texts for people about what a fork would break; with remedies if `explain`. Keeps
    the collector off what all workers will share."""
    _cures.append(beside("_monodon_cures").Cures())
    for seeds in _seeds:
        seeds.end_watch()
    texts = _findings(explain)
    for name in ("_monodon_inspection", "_monodon_threads", "_monodon_descriptors",
                 "_monodon_shared", "_monodon_probe"):
        sys.modules.pop(name, None)  # not for workers
    _freeze()
    return texts


def _freeze():
    gc.collect()
    _files.prepare_to_freeze()
    gc.freeze()


def _findings(explain):
    found = _left()
    for pause in _SETTLING:
        # A client that was closed ends its threads, and these their connections, later.
        if not any(kind in ("thread", "connection") for kind, _ in found):
            break
        time.sleep(pause)
        found = _left()
    return beside("_monodon_inspection").sentences(found, explain)


def _left():
    """What the import has left that a fork breaks: (kind, what)."""
    probe = beside("_monodon_probe").Probe()
    ours = [configuration.arbiters for configuration in _gunicorn]
    return [
        *beside("_monodon_threads").lost(probe, ours),
        *beside("_monodon_descriptors").left(_before, probe),
        *beside("_monodon_shared").left(_before, _mapped, probe),
        *beside("_monodon_inspection").child_processes(ours),
    ]


def prepare_to_learn():
    _learners.append(beside("_monodon_learning").Learner(_of_the_application))


def learn():
    """What this worker has imported since it was asked last: two texts of lines."""
    lines, newer = _learners[0].news()
    return "\n".join(lines), "\n".join(newer)


def can_be_imported_early(line):
    """In a process that is thrown away afterwards."""
    if not _trial:
        _trial.append(beside("_monodon_learning").Trial(_traces, _left_after_cures))
    can = _trial[0].can_be_imported_early(line)
    _end_children()
    return can


def import_early(lines):
    """For the workers to come."""
    if _learners and beside("_monodon_learning").import_good(lines, _learners[0]):
        _freeze()


def import_beside_requests(lines):  # a deploy may break them on the disk
    for learner in _learners:
        beside("_monodon_learning").import_beside_requests(lines, learner)


def _traces():
    return (sorted(os.listdir("/proc/self/task")), beside("_monodon_probe").descriptors(),
            beside("_monodon_inspection").children())


def _left_after_cures():
    beside("_monodon_cures").close_connections()
    return _left()


def stop_zygote(discard):
    for cures in _cures:
        cures.at_end()
    if discard:
        _end_pools()
        atexit._run_exitfuncs()
        _end_children()
    else:
        _files.flush()


def _end_pools():
    """Those of processes alone: multiprocessing waits in atexit for the processes of a pool,
    which concurrent.futures ends here. It would wait for the threads of the others."""
    if pools := sys.modules.get("concurrent.futures.process"):
        pools._python_exit()


def _end_children():
    for pid in beside("_monodon_inspection").children():
        os.kill(pid, signal.SIGTERM)  # nobody will know them any more


# Worker


def arm_stacks(signal_number, fd):
    faulthandler.register(signal_number, file=fd, all_threads=True, chain=False)


def start_worker():
    for cures in _cures + _seeds:
        cures.in_worker()
    for development in _development:
        development.in_worker()
    _crashes.explain()


def start_thread(number, job):
    threading.Thread(target=_monodon.run_thread, args=(job,), name=f"monodon-{number}",
                     daemon=True).start()


# What the hooks of the application are told; read-only.
WorkerInfo = collections.namedtuple("WorkerInfo", "slot generation threads pid")


def load_hooks(specs):
    """specs: of pre_fork, post_fork, pre_stop, "" for none. Raises for a wrong one."""
    for name, spec in zip(("pre_fork", "post_fork", "pre_stop"), specs):
        failure, found = _loading.find_callable(spec) if spec else (0, None)
        if failure:
            raise ImportError(f"{name}: {spec} cannot be loaded: {found}")
        _hooks[name] = found or (lambda *_: None)


def load_gunicorn_conf(texts):  # name of the file; facts for hooks, as JSON
    for name in ("standin", "file", "settings", "sockets", "requests", "log", "logger", "once"):
        beside(f"_monodon_gunicorn_{name}")
    _gunicorn.append(beside("_monodon_gunicorn").Configuration(*texts))


def _tell_gunicorn(hook, *arguments):
    for configuration in _gunicorn:
        getattr(configuration, hook)(*arguments)


def call_once(hooks):
    """-> bits: those that have left something, those of which something runs here"""
    for configuration in _gunicorn:
        found = configuration.call_once(hooks)
        if not _served:  # what Gunicorn's arbiter would have open is no finding
            _before.update(beside("_monodon_probe").descriptors())
            _mapped.update(beside("_monodon_probe").shared_memory())
        return found
    return 0, 0


def has_running_hooks():
    return any(configuration.arbiters.run() for configuration in _gunicorn)


def call_before_fork(*numbers):
    _tell_gunicorn("before_fork", *numbers)
    _files.flush()  # once, not in each worker


call_forked = functools.partial(_tell_gunicorn, "forked")
call_worker_ended = functools.partial(_tell_gunicorn, "worker_ended")
call_workers_wanted = functools.partial(_tell_gunicorn, "workers_wanted")
call_upgrade_begins = functools.partial(_tell_gunicorn, "upgrade_begins")
call_server_ends = functools.partial(_tell_gunicorn, "server_ends")


def hook_that_failed():
    return next((one.failed for one in _gunicorn if one.failed), "post_fork")


def call_post_fork(numbers, serial):
    """-> (whether deadlines are told, whether there are last words, another application)"""
    _info.append(WorkerInfo(*numbers, os.getpid()))
    if metrics := sys.modules.get("monodon.prometheus"):
        metrics.start_worker(_info[-1].slot)
    for configuration in _gunicorn:
        configuration.worker_starts(serial, _info[-1].slot)
    _hooks["post_fork"](_info[-1])
    if _gunicorn:
        return _gunicorn[0].wishes()
    has_say = not _development and beside("_monodon_gunicorn_log").is_changed()
    return False, True, beside("_monodon_gunicorn_access").dress(*_served) if has_say else None


def _at_the_end(name, hook):
    try:
        hook()
    except BaseException as error:
        _monodon.log(30, f"{name} raised\n{format_exception(error)}")


def leave_at_once(told):
    for configuration in _gunicorn:
        if told:
            _at_the_end("worker_int", configuration.worker_is_interrupted)
        _at_the_end("worker_exit", configuration.worker_stops)
    _files.finish()


def call_last_hooks():
    _at_the_end("pre_stop", lambda: _hooks["pre_stop"](_info[-1]))
    for configuration in _gunicorn:
        _at_the_end("worker_exit", configuration.worker_stops)


def stop_worker():
    """As the interpreter's own end, but without waiting for threads."""
    call_last_hooks()
    try:
        _end_pools()
        atexit._run_exitfuncs()
    finally:
        _files.finish()
