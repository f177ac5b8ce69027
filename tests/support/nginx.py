# SPDX-License-Identifier: Apache-2.0
"""A real nginx of our own in front of a server, as whoever runs the tests.

    with Nginx(server.path("nginx"), server.address) as nginx:
        nginx.kept    # where it listens; it keeps its connections to the server
        nginx.fresh   # it makes a new one for each request

It asks nothing twice (`proxy_next_upstream off`), so what its clients see is what the
server did.
"""

import os
import signal
import subprocess

from .until import until

_CONFIGURATION = """
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
    keepalive_requests 1000000;
    client_max_body_size 0; client_body_buffer_size 128k; proxy_buffers 16 16k;
    proxy_next_upstream off;
    upstream kept {{ server unix:{server} fail_timeout=0; keepalive 16; }}
    upstream fresh {{ server unix:{server} fail_timeout=0; }}
    server {{ listen unix:{directory}/kept.sock; location / {{
        proxy_pass http://kept; proxy_http_version 1.1;
        proxy_set_header Connection ""; }} }}
    server {{ listen unix:{directory}/fresh.sock; location / {{
        proxy_pass http://fresh; }} }}
}}
"""


class Nginx:
    def __init__(self, directory, server):
        self.directory = directory
        self.kept, self.fresh = directory + "/kept.sock", directory + "/fresh.sock"
        os.mkdir(directory)
        with open(directory + "/nginx.conf", "w", encoding="ascii") as file:
            file.write(_CONFIGURATION.format(
                directory=directory, server=server,
                user="user root;" if os.geteuid() == 0 else ""))
        self.process = None
        self.complained = ""  # its error log, after the block

    def __enter__(self):
        # Debian has it where only root looks.
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        self.process = subprocess.Popen(
            ["nginx", "-p", self.directory, "-c", "nginx.conf", "-e", "error.log"],
            env={"PATH": path}, stdin=subprocess.DEVNULL)
        try:
            until(self._listens, lambda: f"nginx to start: {self.complaints()}", 20)
        except AssertionError:
            self._kill()
            raise
        return self

    def _listens(self):
        """Its master writes the pid when all sockets listen."""
        assert self.process.poll() is None, f"nginx does not start: {self.complaints()}"
        return os.path.exists(self.directory + "/nginx.pid")

    def complaints(self):
        with open(self.directory + "/error.log", encoding="utf-8") as file:
            return file.read()

    def _kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.terminate()
            self.process.wait()
            return
        self.process.send_signal(signal.SIGQUIT)
        status = self.process.wait(30)
        self.complained = self.complaints()
        assert status == 0, (status, self.complained)
