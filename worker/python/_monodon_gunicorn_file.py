# SPDX-License-Identifier: Apache-2.0
"""Runs a configuration file of Gunicorn as Gunicorn does, in the interpreter of the
application and in the directory the service is started in. It is run once: the process
tells the names of the file as one JSON object, {"values": {name: value}, "functions":
[name], "wrong": [[line, text]]}, and waits for the master to say what becomes of it. With those values it goes on
as the zygote, where the hooks of the file are.
"""

import array
import atexit
import importlib.machinery
import importlib.util
import inspect
import json
import os
import socket
import sys
import types


# Gunicorn's hooks, which may be texts ("package.module.function"), and how many arguments
# each is called with.
HOOKS = {
    "on_starting": 1,
    "on_reload": 1,
    "when_ready": 1,
    "pre_fork": 2,
    "post_fork": 2,
    "post_worker_init": 1,
    "worker_int": 1,
    "worker_abort": 1,
    "pre_exec": 1,
    "pre_request": 2,
    "post_request": 4,
    "child_exit": 2,
    "worker_exit": 2,
    "nworkers_changed": 3,
    "on_exit": 1,
    "ssl_context": 2,
    "on_dirty_starting": 1,
    "dirty_post_fork": 2,
    "dirty_worker_init": 1,
    "dirty_worker_exit": 2,
}
_CHANNEL = 3
_FRAME = 24  # bytes of worker/wire/wire.h before the text
_MOST = 1 << 20  # of what the file has printed


def load(name):
    """The module that the file is; run before perhaps, in this process. "": an empty one."""
    if not name:
        return types.ModuleType("__config__")
    if name.startswith("python:"):
        return importlib.import_module(name[len("python:"):])
    if module := sys.modules.get("__config__"):
        return module
    spec = importlib.util.spec_from_loader(
        "__config__", importlib.machinery.SourceFileLoader("__config__", name))
    module = importlib.util.module_from_spec(spec)
    sys.modules["__config__"] = module
    spec.loader.exec_module(module)
    return module


def _plain(value):
    """As JSON has it: sets and tuples are lists, paths are texts."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return f"<{type(value).__name__}>"


def _what_is_wrong(hook, value):
    """"" if the server can call it when its time has come."""
    if isinstance(value, str):
        return "" if value.rpartition(".")[0] else (
            f"{value!r} is neither a function nor the name of one, \"package.module.function\"")
    if not callable(value):
        return f"{value!r} is no function; remove it if there is nothing to call"
    wanted = HOOKS[hook]
    fewest = 2 if hook == "post_request" else wanted
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""  # built in
    for count in range(fewest, wanted + 1):
        try:
            signature.bind(*[None] * count)
            return ""
        except TypeError:
            pass
    several = "argument" if wanted == 1 else "arguments"
    return f"it is called with {wanted} {several}, and is defined as {hook}{signature}"


def _wrong_hooks(module):
    """[line or 0, what is wrong]"""
    found = []
    for hook in HOOKS:
        value = getattr(module, hook, "a.b")
        if wrong := _what_is_wrong(hook, value):
            code = getattr(value, "__code__", None)
            here = code and code.co_filename == getattr(module, "__file__", None)
            found.append([code.co_firstlineno if here else 0, f"{hook}: {wrong}"])
    return found


def _names(name):
    values, functions = {}, []
    for key, value in vars(load(name)).items():
        if key.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if callable(value) or (isinstance(value, str) and key in HOOKS):
            functions.append(key)
        else:
            values[key] = _plain(value)
    return {"values": values, "functions": functions, "wrong": _wrong_hooks(load(name))}


def _descriptors():
    return {int(entry) for entry in os.listdir("/proc/self/fd")}


def _run(name):
    """What the file prints goes to stderr, as its traceback does."""
    answer = os.dup(1)
    os.dup2(2, 1)
    # Python puts the directory of a script first; Gunicorn that of the application.
    sys.path.insert(0, os.getcwd())
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    text = json.dumps(_names(name)).encode()
    sys.dont_write_bytecode = bytecode
    with open(answer, "wb") as file:
        file.write(text)
    sys.stdout.flush()
    sys.stderr.flush()


def _orders():
    """The master's, and the descriptors that come with them; None if it has no use for
    this process."""
    with socket.socket(fileno=os.dup(_CHANNEL)) as channel:
        try:
            channel.send(b"run")
            data, ancillary, _, _ = channel.recvmsg(
                1 << 16, socket.CMSG_SPACE(16 * array.array("i").itemsize))
        except OSError:
            return None
    if len(data) <= _FRAME:
        return None
    fds = array.array("i")
    for _, _, content in ancillary:
        fds.frombytes(content)
    return json.loads(data[_FRAME:]), list(fds)


def _obey(orders, fds):
    """From here on this process is who, and has what, a zygote is and has."""
    printed = os.pread(2, _MOST, 0)
    for fd, number in zip(fds, orders["numbers"]):
        os.dup2(fd, number, inheritable=number <= 2)
        os.close(fd)
    os.umask(orders["umask"])
    if user := orders["user"]:
        os.setgroups(user["groups"])
        os.setresgid(user["gid"], user["gid"], user["gid"])
        os.setresuid(user["uid"], user["uid"], user["uid"])
    while printed:
        printed = printed[os.write(2, printed):]


def _told(error):
    """Without frames of ours, which are nothing to whoever has to mend the file."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_monodon_failure.py")
    spec = importlib.util.spec_from_file_location("_monodon_failure", path)
    failure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(failure)
    return failure.format_exception(error)


def _status_of(error):
    """Of a process that Python ends for it; sys.exit("text") is a 1."""
    if not isinstance(error, SystemExit):
        return 1
    return error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)


def run(name, argv, directory):
    """-> (arguments of a zygote, or None if there is nothing more to do, exit status,
    descriptors that the file has opened)"""
    os.chdir(directory)
    # What the master gives later has its places.
    for number in (4, 5):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(0, number, inheritable=False)
    os.set_inheritable(_CHANNEL, False)
    before = _descriptors()
    sys.argv = list(argv) or ["monodon"]
    try:
        _run(name)
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code not in (0, None):
            sys.stderr.write(_told(error))
        return None, _status_of(error), set()
    opened = _descriptors() - before
    orders = _orders()
    if not orders:
        atexit._run_exitfuncs()
        return None, 0, set()
    _obey(*orders)
    return orders[0]["arguments"], 0, opened
