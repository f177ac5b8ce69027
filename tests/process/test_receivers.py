# SPDX-License-Identifier: Apache-2.0
"""What a statsd server and a syslog daemon hear, with the words that Gunicorn has for it."""

import os
import re
import signal
import socket

import pytest
from support import paths
from support.server import Server
from support.until import until


class Receiver:
    """A socket that a daemon would have, and what came."""

    def __init__(self, kind, path=None):
        family = socket.AF_UNIX if path else socket.AF_INET
        self.socket = socket.socket(family, kind)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.kind = kind
        self.streams = []
        if kind == socket.SOCK_STREAM:
            self.socket.listen(8)
        self.socket.setblocking(False)
        self.heard = []

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def _take(self, source):
        try:
            while data := source.recv(65536):
                self.heard += [line.decode() for line in data.split(b"\0") if line]
        except BlockingIOError:
            pass

    def all(self):
        if self.kind == socket.SOCK_DGRAM:
            self._take(self.socket)
            return self.heard
        try:
            while True:
                self.streams.append(self.socket.accept()[0])
                self.streams[-1].setblocking(False)
        except BlockingIOError:
            pass
        for stream in self.streams:
            self._take(stream)
        return self.heard

    def close(self):
        for one in (self.socket, *self.streams):
            one.close()


def await_line(server, receiver, pattern):
    def heard():
        return next((line for line in receiver.all() if re.search(pattern, line)), None)

    return until(heard, lambda: f"{pattern} in {receiver.all()}; {server.explain()}")


@pytest.fixture(params=["udp", "unix"])
def statsd(request, tmp_path):
    path = str(tmp_path / "statsd") if request.param == "unix" else None
    receiver = Receiver(socket.SOCK_DGRAM, path)
    receiver.url = f"unix://{path}" if path else f"127.0.0.1:{receiver.port}"
    yield receiver
    receiver.close()


def test_statsd_hears_of_requests_workers_and_errors(statsd):
    with Server(config={"statsd_host": statsd.url, "statsd_prefix": "shop.",
                        "dogstatsd_tags": "env:test", "workers": 2},
                expect=["application raised"]) as server:
        await_line(server, statsd, r"^shop\.gunicorn\.workers:2\|g\|#env:test$")
        assert server.get("/").status == 200
        assert server.get("/fail").status == 500
        for name in ("requests", r"request\.status\.200", r"request\.status\.500",
                     r"log\.exception"):
            await_line(server, statsd, rf"^shop\.gunicorn\.{name}:1\|c\|@1\.0\|#env:test$")
        await_line(server, statsd,
                   r"^shop\.gunicorn\.request\.duration:[0-9]+\.[0-9]{3}\|ms\|#env:test$")
        assert not [line for line in statsd.all() if "log.error" in line]


LINES = """
import logging
from probe import application
logging.getLogger("gunicorn.error").error("of the application")
"""
HOOK = "def when_ready(server):\n    server.log.critical('of the server')\n"


def test_statsd_counts_lines_of_the_server_and_workers_that_live(statsd):
    server = Server("lines:application", expect=["of the"])
    server.write("lines.py", LINES)
    server.write("gunicorn.conf.py", HOOK)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), "-w", "1",
                      "--statsd-host", statsd.url, "--python", paths.PYTHON, "--pythonpath",
                      f"{paths.APPS},{server.scratch}", server.app]
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch, "PYTHONPATH": str(paths.APPS)}
    with server:
        server.await_workers(1)
        await_line(server, statsd, r"^gunicorn\.log\.critical:1\|c\|@1\.0$")
        assert server.stop() == 0
        heard = "\n".join(statsd.all())
        assert "gunicorn.workers:1|g" in heard and "gunicorn.workers:0" not in heard
        assert "log.error" not in heard


METRICS = """
def when_ready(server):
    for kind, value in (("gauge", 7), ("counter", 2), ("histogram", 1.5), ("timer", 3)):
        server.log.info("", extra={"metric": f"by.{kind}", "value": value, "mtype": kind})
    server.log.gauge("x.g", 0)
    server.log.increment("x.i", 1)
    server.log.decrement("x.d", 4, 0.5)
    server.log.histogram("x.h", 9)
    try:
        raise ValueError("low")
    except ValueError:
        server.log.exception("low")
    server.log.warning("low", extra={"metric": "no.metric", "value": 1, "mtype": "gauge"})
"""


def test_statsd_hears_the_metrics_of_hooks(statsd):
    server = Server("probe:application", expect=["low"])
    server.write("gunicorn.conf.py", METRICS)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), "-w", "1",
                      "--statsd-host", statsd.url, "--statsd-prefix", "shop", "--python",
                      paths.PYTHON, "--pythonpath", f"{paths.APPS},{server.scratch}", server.app]
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch}
    with server:
        server.await_workers(1)
        await_line(server, statsd, r"^shop\.gunicorn\.log\.warning:1\|c\|@1\.0$")
        of_log = {line for line in statsd.all() if ".gunicorn.log." in line}
        assert of_log == {f"shop.gunicorn.log.{kind}:1|c|@1.0" for kind in ("exception", "warning")}
        heard = [line for line in statsd.all() if ".gunicorn." not in line]
        assert heard == [f"shop.{line}" for line in (
            "by.gauge:7|g", "by.counter:2|c|@1.0", "by.histogram:1.5|h", "by.timer:3|ms",
            "x.g:0|g", "x.i:1|c|@1.0", "x.d:-4|c|@0.5", "x.h:9|h")]


def test_a_statsd_that_is_not_there_costs_nothing_but_the_metrics():
    with Server(config={"statsd_host": "127.0.0.1:1"}) as server:
        assert [server.get("/").status for _ in range(3)] == [200, 200, 200]


@pytest.fixture(params=["udp", "tcp", "unix dgram", "unix stream"])
def syslog(request, tmp_path):
    path = str(tmp_path / "log") if request.param.startswith("unix") else None
    stream = request.param in ("tcp", "unix stream")
    receiver = Receiver(socket.SOCK_STREAM if stream else socket.SOCK_DGRAM, path)
    receiver.url = (f"unix://{path}" if path else
                    f"{request.param}://127.0.0.1:{receiver.port}")
    yield receiver
    receiver.close()


def test_syslog_hears_both_logs_from_every_process(syslog):
    with Server(config={"syslog": True, "syslog_addr": syslog.url, "syslog_prefix": "shop",
                        "syslog_facility": "local0", "workers": 1, "log_level": "info"},
                expect=["application raised"]) as server:
        worker, = server.await_workers(1)
        await_line(server, syslog, rf"^<134>gunicorn\.shop\.error: \[{server.pid}\] monodon .* starts")
        assert server.get("/fail").status == 500
        await_line(server, syslog, rf"^<131>gunicorn\.shop\.error: \[{worker}\] .*application raised")
        await_line(server, syslog, rf'^<134>gunicorn\.shop\.access: \[{worker}\] .*"GET /fail HTTP/1.1" 500')


def test_syslog_may_be_spared_the_access_log_and_is_found_again(tmp_path):
    path = str(tmp_path / "log")
    first = Receiver(socket.SOCK_DGRAM, path)
    with Server(config={"syslog": True, "syslog_addr": f"unix://{path}", "workers": 1,
                        "disable_redirect_access_to_syslog": True}) as server:
        server.await_workers(1)
        await_line(server, first, r"^<14>gunicorn\.probe\.application\.error: ")
        first.close()
        os.unlink(path)
        second = Receiver(socket.SOCK_DGRAM, path)
        assert server.get("/").status == 200
        server.send_signal(signal.SIGHUP)
        await_line(server, second, "generation 2 has taken over")
        assert not [line for line in first.heard + second.heard if ".access" in line]
        second.close()


def test_paths_can_be_left_out_of_the_access_log_while_they_are_well():
    with Server(config={"access_log": "-", "access_log_skip": ["/health", "/fail"],
                        "workers": 1}, expect=["application raised"]) as server:
        for target in ("/health", "/health?deep=1", "/fail", "/health/more", "/last"):
            server.get(target)
        server.wait(lambda: "/last" in server.out.text(), "the access log")
        lines = [line.split('"')[1].split()[1] for line in server.out.text().splitlines()
                 if '"GET ' in line]
        assert lines == ["/fail", "/health/more", "/last"]
