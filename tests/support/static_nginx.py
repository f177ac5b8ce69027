# SPDX-License-Identifier: Apache-2.0
"""nginx and our own server on the same directory of files, to be compared."""

import os
import subprocess
import time

CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_body_temp_path bodies; proxy_temp_path answers; fastcgi_temp_path unused;
    uwsgi_temp_path unused; scgi_temp_path unused;
    keepalive_requests 100000000;
    sendfile on; gzip_static on;
    types {{ text/plain txt; text/css css; text/javascript js; }}
    server {{ listen unix:{directory}/files.sock;
        location /static/ {{ alias {root}/; disable_symlinks on from={root}; }} }}
}}
"""


class FilesOfNginx:
    """As Nginx of support/nginx.py, for files below /static."""

    def __init__(self, directory, root):
        self.directory, self.address = str(directory), f"{directory}/files.sock"
        os.makedirs(self.directory, exist_ok=True)
        with open(f"{directory}/nginx.conf", "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(
                directory=directory, root=root,
                user="user root;" if os.geteuid() == 0 else ""))
        self.process = None

    def __enter__(self):
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        self.process = subprocess.Popen(
            ["nginx", "-p", self.directory, "-c", "nginx.conf", "-e", "error.log"],
            env={"PATH": path}, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not os.path.exists(self.directory + "/nginx.pid"):  # written when it listens
            assert self.process.poll() is None and time.monotonic() < end, "nginx does not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
