# SPDX-License-Identifier: Apache-2.0
"""HAProxy's send-proxy and send-proxy-v2, beside Gunicorn's reading of the same."""

import json
import shutil
import socket
import subprocess
import urllib.request

import pytest
from support.server import Server
from support.until import until

CONFIG = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen line
  bind 127.0.0.1:{line}
  server site {site} send-proxy
listen binary
  bind 127.0.0.1:{binary}
  server site {site} send-proxy-v2
listen checked
  bind 127.0.0.1:{checked}
  server site {site} send-proxy-v2 check inter 200ms check-send-proxy
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not shutil.which("haproxy"), reason="there is no haproxy")
def test_the_client_is_the_one_that_connected_to_haproxy(tmp_path):
    ports = {name: free_port() for name in ("line", "binary", "checked")}
    with Server(config={"proxy_protocol": "auto"}, sockets={"http": ("127.0.0.1", 0)}) as server:
        host, port = server.listeners["http"].getsockname()
        file = tmp_path / "haproxy.cfg"
        file.write_text(CONFIG.format(site=f"{host}:{port}", **ports), encoding="ascii")
        with subprocess.Popen(["haproxy", "-db", "-f", str(file)]) as haproxy:
            try:
                until(lambda: all(map(listens, ports.values())), "HAProxy")
                for way in ports.values():
                    with socket.create_connection(("127.0.0.1", way)) as connection:
                        own = connection.getsockname()
                        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        answer = b"".join(iter(lambda: connection.recv(65536), b""))
                    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
                    assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == (own[0], str(own[1]))
                with urllib.request.urlopen(f"http://127.0.0.1:{ports['line']}/") as answer:
                    assert answer.status == 200
            finally:
                haproxy.terminate()
