# SPDX-License-Identifier: Apache-2.0
"""Sockets that systemd owns, and sockets that we bind."""

import json
import os
import signal
import socket
import stat
import struct

import pytest
from support import client, proc
from support.server import Server


def free_port(host):
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host
                              else socket.AF_INET) as probe:
        return probe.getsockname()[1]


def test_three_named_sockets_are_all_served():
    tcp = ("127.0.0.1", free_port("127.0.0.1"))
    with Server(sockets={"http": "one.sock", "internal": "two.sock", "port": tcp}) as server:
        for where in (server.path("one.sock"), server.path("two.sock"), tcp):
            with server.connect(where) as connection:
                assert connection.get().status == 200
        facts = json.loads(server.connect(tcp).get(host="example.test:81").body)
        assert facts["REMOTE_ADDR"] == "127.0.0.1" and facts["SERVER_PORT"]


def test_an_activated_socket_is_not_touched():
    with Server(umask=0o077) as server:
        path = server.path("http.sock")
        before = os.stat(path)
        assert server.get().status == 200
        assert server.stop() == 0
        after = os.stat(path)
        assert (before.st_ino, before.st_mode, before.st_uid) == (
            after.st_ino, after.st_mode, after.st_uid)
        assert proc.listening(path)


def test_the_backlog_of_an_activated_socket_is_kept():
    where = ("127.0.0.1", free_port("127.0.0.1"))
    server = Server(sockets={"http": where})
    server.listeners["http"].listen(17)
    with server:
        assert server.get().status == 200
        info = server.listeners["http"].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        assert struct.unpack_from("=I", info, 28)[0] == 17  # tcpi_sacked: the backlog


def test_bind_besides_an_activated_socket_is_only_a_note():
    server = Server()
    server.config["bind"] = ["unix:" + server.path("other.sock")]
    with server:
        assert server.get().status == 200
        assert not os.path.exists(server.path("other.sock"))


def test_a_socket_that_does_not_listen_is_refused():
    server = Server()
    server.listeners["http"].close()
    server.listeners["http"] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert "no stream socket" in server.log.text()
    finally:
        server.close()


# -- our own -------------------------------------------------------------------------


def own(path="own.sock", **config):
    server = Server(bind=[], umask=0o077, config=config)
    server.address = server.path(path)
    server.config["bind"] = ["unix:" + server.address]
    return server


@pytest.mark.parametrize("config, mode", [
    ({}, 0o777), ({"umask": "0027"}, 0o750),
    ({"umask": "0077", "socket_mode": "0660"}, 0o660)])
def test_a_unix_socket_is_bound_with_its_mode_and_removed_at_the_end(config, mode):
    with own(**config) as server:
        assert server.get().status == 200
        assert stat.S_IMODE(os.stat(server.address).st_mode) == mode
        assert server.stop() == 0
        assert not os.path.exists(server.address)


def test_a_stale_socket_file_is_replaced():
    server = own()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(server.address)
    with server:
        assert server.get().status == 200


def refused(server):
    server.spawn()
    try:
        assert server.await_exit() == 1
        assert server.address in server.log.text()
    finally:
        server.close()


def test_a_socket_on_which_somebody_answers_is_not_taken():
    server = own()
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(server.address)
        alive.listen()
        refused(server)
        assert alive.accept()


@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_what_is_no_socket_is_not_removed(what):
    server = own()
    if what == "file":
        server.write("own.sock", "precious")
    elif what == "directory":
        os.mkdir(server.address)
    else:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(server.path("real.sock"))
        os.symlink(server.path("real.sock"), server.address)
    directory = server.scratch
    server._own_scratch = False
    refused(server)
    assert os.path.lexists(os.path.join(directory, "own.sock"))


def test_a_socket_file_that_is_not_ours_any_more_is_left_alone():
    with own() as server:
        assert server.get().status == 200
        os.unlink(server.address)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(server.address)
            other.listen()
            assert server.stop() == 0
            assert proc.listening(server.address)


def test_a_descriptor_that_is_named_is_served_through_reload_and_upgrade():
    with Server(arguments=["-b", "fd://3"], announced=False) as server:
        path = server.path("http.sock")
        assert json.loads(server.get().body)["SERVER_NAME"]
        old = server.await_workers(2)
        server.send_signal(signal.SIGHUP)
        old = server.await_workers(2, without=old)
        server.send_signal(signal.SIGUSR2)
        server.await_workers(2, without=old)
        assert server.get().status == 200
        assert server.stop() == 0
        assert proc.listening(path)


@pytest.mark.parametrize("number, why", [
    (3, "descriptor 3 is not a socket"), (4, "socket 4 does not listen"),
    (5, "no such descriptor was passed")])
def test_a_descriptor_that_is_no_listener_is_refused(number, why):
    server = Server(arguments=["-b", f"fd://{number}"], announced=False, sockets={})
    server.listeners = {"file": open("/dev/null", "rb"), "socket": socket.socket()}
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert f"bind fd://{number}: {why}" in server.log.text()
    finally:
        server.close()


def test_an_abstract_socket():
    name = f"@monodon-test-{os.getpid()}"
    server = Server(bind=["unix:" + name])
    server.address = name
    with server:
        assert server.get().status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port(host):
    port = free_port(host)
    server = Server(bind=[f"[{host}]:{port}" if ":" in host else f"{host}:{port}"])
    server.address = (host, port)
    with server:
        facts = json.loads(server.get().body)
        assert facts["REMOTE_ADDR"] == host


def test_several_at_once_and_no_systemd():
    port = free_port("127.0.0.1")
    server = Server(bind=[f"127.0.0.1:{port}"], notify=False)
    server.config["bind"].append("unix:" + server.path("own.sock"))
    try:
        server.spawn()
        server.wait(lambda: os.path.exists(server.path("own.sock"))
                    and proc.listening(server.path("own.sock")), "the socket")
        for where in (("127.0.0.1", port), server.path("own.sock")):
            with client.Connection(where) as connection:
                assert connection.get().status == 200
        assert server.stop() == 0
    finally:
        server.close()


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(bind=[f"127.0.0.1:{taken.getsockname()[1]}"])
        server.address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(server)
