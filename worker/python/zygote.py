# SPDX-License-Identifier: Apache-2.0
"""Entry of a zygote: `python LIBDIR/zygote.py [--check | --check-config] [--hooks]`, run
by the application's own interpreter. Loads the extension that lies beside this file, by
its path, so that nothing of ours is on the application's sys.path.
"""

import importlib.machinery
import importlib.util
import os
import sys


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


def keep_descriptors():
    """The memory for the application's metrics and the pipe to the watcher, if the master
    gave any, are not for the programs that the application starts."""
    for descriptor in (4, 5):
        try:
            os.set_inheritable(descriptor, False)
        except OSError:
            pass  # none


def main():
    check = "--check" in sys.argv[1:]
    check_config = "--check-config" in sys.argv[1:]
    hooks = "--hooks" in sys.argv[1:]
    keep_descriptors()
    leave_sys_path()
    sys.meta_path.append(Finder)
    extension = load_beside("_monodon", "_monodon.abi3.so")
    runtime = load_beside("_monodon_runtime", "_monodon_runtime.py")
    extension.set_runtime(runtime)
    sys.argv = ["monodon"]
    if check_config:
        return 1 if extension.check(hooks) else 0
    if check:
        return extension.check(hooks)
    load_beside("_monodon_streams", "_monodon_streams.py").guard_standard_streams()
    return extension.run_zygote()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: what the application registered with atexit is for workers, and
    # must not keep a zygote from ending.
    os._exit(status)
