# SPDX-License-Identifier: Apache-2.0
"""usage: worker.py LIBDIR APPS LISTENER CHANNEL ACCESS_LOG

One worker in this process, for callgrind to watch: no master, no fork. Ends when the
other end of the channel is closed.
"""

import importlib.util
import json
import os
import sys


def beside(libdir, name, file_name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(libdir, file_name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main(libdir, apps, listener, channel, access_log):
    extension = beside(libdir, "_monodon", "_monodon.abi3.so")
    extension.set_runtime(beside(libdir, "_monodon_runtime", "_monodon_runtime.py"))
    boot = json.loads(extension.default_boot())
    boot["listeners"] = [{"name": "http", "address": "unix:/run/x.sock",
                          "unix_socket": True, "host": "", "port": 0}]
    boot["settings"].update(application="hello:application", directory=apps,
                            access_log=access_log,
                            secure_scheme_headers=["X-FORWARDED-PROTO=https"])
    _, reason = extension.load(json.dumps(boot))
    if reason:
        sys.exit(reason)
    return extension.run_worker(int(listener), int(channel))


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))
