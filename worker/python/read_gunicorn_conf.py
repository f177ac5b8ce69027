# SPDX-License-Identifier: Apache-2.0
"""usage: python read_gunicorn_conf.py FILE.py|python:MODULE

Runs a configuration file of Gunicorn as Gunicorn does, in the interpreter of the
application and in the directory the service is started in, and prints its names as one
JSON object: {"values": {name: value}, "functions": [name]}. What the file prints goes
to stderr, its traceback too; status 1 then.
"""

import importlib.machinery
import importlib.util
import json
import os
import sys
import types


# Gunicorn's hooks, which may be texts: "package.module.function".
HOOKS = {
    "on_starting", "on_reload", "when_ready", "pre_fork", "post_fork", "post_worker_init",
    "worker_int", "worker_abort", "pre_exec", "pre_request", "post_request", "child_exit",
    "worker_exit", "nworkers_changed", "on_exit", "ssl_context", "on_dirty_starting",
    "dirty_post_fork", "dirty_worker_init", "dirty_worker_exit",
}


def load(name):
    if name.startswith("python:"):
        return importlib.import_module(name[len("python:"):])
    spec = importlib.util.spec_from_loader(
        "__config__", importlib.machinery.SourceFileLoader("__config__", name))
    module = importlib.util.module_from_spec(spec)
    sys.modules["__config__"] = module
    spec.loader.exec_module(module)
    return module


def plain(value):
    """As JSON has it: sets and tuples are lists, paths are texts."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return f"<{type(value).__name__}>"


def main(name):
    # Python puts the directory of a script first; Gunicorn that of the application.
    sys.path[:1] = [os.getcwd()]
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    values, functions = {}, []
    for key, value in vars(load(name)).items():
        if key.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if callable(value) or (isinstance(value, str) and key in HOOKS):
            functions.append(key)
        else:
            values[key] = plain(value)
    json.dump({"values": values, "functions": functions}, answer)
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1])
