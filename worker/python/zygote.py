# SPDX-License-Identifier: Apache-2.0
"""Entry of a zygote: `python LIBDIR/zygote.py [--check | --check-config] [--hooks]`, run
by the application's own interpreter. Loads the extension that lies beside this file, by
its path, so that nothing of ours is on the application's sys.path.

`python LIBDIR/zygote.py --file NAME DIRECTORY ROOM [ARGV...]` runs a gunicorn.conf.py
first, and becomes a zygote, or checks, if it is told to. ROOM is for the title.
"""

import faulthandler
import importlib.machinery
import importlib.util
import os
import select
import signal
import socket
import struct
import sys


def what_is_wrong_with_the_interpreter():
    """One sentence; "" if the extension can be loaded into it. Runs on every Python 3."""
    name = sys.implementation.name
    version = ".".join(str(part) for part in sys.version_info[:3])
    if name != "cpython":
        found = f"{name}, for Python {version}"
    elif sys.version_info < (3, 11):
        found = f"CPython {version}"
    elif "t" in sys.abiflags:
        found = f"a free-threaded build of CPython {version}"
    else:
        return ""
    return (f"{sys.executable} is {found}: Monodon runs applications in CPython 3.11 or "
            "newer, with its lock (GIL). Name such an interpreter, or a virtual environment "
            "of one: --python or `python:`.")


def tell_master(reason):
    """A `load_failed` of worker/wire/wire.h, where the extension cannot be loaded."""
    frame = struct.Struct("=IIIIq")
    load_failed, not_ready = 11, 1
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, 3)
    generation = frame.unpack_from(channel.recv(frame.size))[3]
    channel.send(frame.pack(load_failed, 0, 0, generation, not_ready) + reason.encode())


def load_beside(name, file_name):
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(name, os.path.join(here, file_name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def leave_sys_path():
    """Takes our directory off the front (it is not there with python -P)."""
    here = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == here:
        del sys.path[0]


class Finder:
    """Has `import monodon.prometheus` find ours, with nothing of ours on sys.path."""

    @staticmethod
    def find_spec(name, _path=None, _target=None):
        if name == "monodon":  # unless the wheel's is installed
            return importlib.machinery.ModuleSpec(name, None, is_package=True)
        if name == "monodon.prometheus":
            here = os.path.dirname(os.path.abspath(__file__))
            file = os.path.join(here, "_monodon_prometheus.py")
            return importlib.util.spec_from_file_location(name, file)
        return None


def let_descriptors_be_inherited(inherited):
    """The memory for the application's metrics and the pipe to the watcher, if the master
    gave any: for programs that are executed from now on, or not."""
    for descriptor in (4, 5):
        try:
            os.set_inheritable(descriptor, inherited)
        except OSError:
            pass  # none


def site_stamps():
    """What an interpreter has read as it started: a `pip install`, a virtual environment
    made anew or another sitecustomize.py change one of these."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    files.append(sys.executable)
    if sys.prefix != sys.base_prefix:
        files.append(os.path.join(sys.prefix, "pyvenv.cfg"))
    stamps = []
    try:
        for path in sys.path:
            if path.endswith("-packages") and os.path.isdir(path):
                files += [path, *(entry.path for entry in os.scandir(path)
                                  if entry.name.endswith(".pth"))]
        for file in filter(None, files):
            status = os.stat(file)
            stamps.append((file, status.st_ino, status.st_mtime_ns))
    except OSError as error:  # it is being changed now
        stamps.append(error.filename)
    return stamps


def await_orders(runtime):
    """Where the master has started it ahead of the next reload, this waits for as long as
    somebody thinks about an edit. If the interpreter was changed meanwhile, it is started
    anew, in this process and with the orders unread."""
    orders = select.poll()
    orders.register(3, select.POLLIN)
    if orders.poll(0):
        return
    for name in "development", "django", "gunicorn_log", "probe", "seeds":
        runtime.beside(f"_monodon_{name}")
    before = site_stamps()
    orders.poll()
    if before != site_stamps():
        let_descriptors_be_inherited(True)
        os.execv(sys.executable, sys.orig_argv)
    importlib.invalidate_caches()


def notice_exit():
    """For a check: an application that ends the process as it is imported is not good,
    whatever status it gives. Not in what it forks, which ends like that."""
    real, here = os._exit, os.getpid()

    def end(status):
        if os.getpid() != here:
            real(status)
        print(f"not good: the application has ended the process, with os._exit({status})",
              file=sys.stderr, flush=True)
        real(status or 1)
    os._exit = end
    return real


def main():
    arguments, opened = sys.argv[1:], set()
    leave_sys_path()
    # Until there is an application, Ctrl-C ends it with all others, without a traceback.
    at_interrupt = signal.getsignal(signal.SIGINT)
    if arguments[:1] not in (["--file"], ["--check"], ["--check-config"]):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    if arguments[:1] == ["--file"]:
        name, directory, _, *argv = arguments[1:]
        file = load_beside("_monodon_gunicorn_file", "_monodon_gunicorn_file.py")
        arguments, status, opened = file.run(name, argv, directory)
        if arguments is None:
            return status
    check = "--check" in arguments
    check_config = "--check-config" in arguments
    hooks = "--hooks" in arguments
    let_descriptors_be_inherited(False)  # to what the application starts
    wrong = what_is_wrong_with_the_interpreter()
    if wrong:
        if check or check_config:
            print(f"monodon: {wrong}", file=sys.stderr)
        else:
            tell_master(wrong)
        return 1
    sys.meta_path.append(Finder)
    extension = load_beside("_monodon", "_monodon.abi3.so")
    runtime = load_beside("_monodon_runtime", "_monodon_runtime.py")
    runtime.opened_by_file.update(opened)
    extension.set_runtime(runtime)
    sys.argv = ["monodon"]
    if check or check_config:
        faulthandler.enable()  # code that crashes as it is imported: where
        leave = notice_exit()
        status = extension.check(hooks)
        os._exit = leave
        return (1 if status else 0) if check_config else status
    load_beside("_monodon_streams", "_monodon_streams.py").guard_standard_streams()
    # An import that takes too long is asked where it is: worker/wire/zygote_signals.h
    runtime.beside("_monodon_crashes").explain_import(signal.SIGRTMAX - 1)
    await_orders(runtime)
    signal.signal(signal.SIGINT, at_interrupt)
    return extension.run_zygote()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: what the application registered with atexit is for workers, and
    # must not keep a zygote from ending.
    os._exit(status)
