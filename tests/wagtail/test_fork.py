# SPDX-License-Identifier: Apache-2.0
"""A MongoClient does not survive a fork. One that Django's backend has opened before (here by
warm_up) is closed with Django's other connections; the hooks of an application do the same."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stack
from support import proc

WARM_UP = f"https://{stack.NAME}/"
PYMONGOS_OWN = "MongoClient opened before fork"


def to_mongodb(pid, uri):
    """Inodes of the sockets that a process has to the server: the same number in two
    processes is the same connection."""
    port = f"{int(uri.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    theirs = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port}")}
    return theirs & set(proc.descriptors(pid).values())


def the_zygote(server):
    """Once that of an old generation is gone."""
    return server.wait(lambda: len(found := server.zygotes()) == 1 and found, "one zygote")[0]


def ask_all(server, uri):
    """Asks until each worker has answered from the database; returns their pids."""
    def one(_):
        answer = server.get("/", Host=stack.NAME, X_Forwarded_Proto="https")
        assert answer.status == 200 and b"<h1>Welcome</h1>" in answer.body, answer.body
    zygote = the_zygote(server)

    def all_have_asked():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(16)))
        return all(to_mongodb(worker, uri) - to_mongodb(zygote, uri)
                   for worker in server.workers())
    server.wait(all_have_asked, "each worker with a connection of its own")
    return server.workers()


def test_clients_that_warm_up_leaves_are_closed_before_the_fork(serve, uri):
    with serve(warm_up=WARM_UP) as server:
        assert server.status()["preload"]["shared"]
        zygote = the_zygote(server)
        assert proc.threads(zygote) == 1
        one, other = (to_mongodb(worker, uri) for worker in ask_all(server, uri))
        assert not to_mongodb(zygote, uri) and not one & other
        assert PYMONGOS_OWN not in "\n".join(server.log.lines)


def test_pre_fork_leaves_nothing_to_share(serve, uri):
    with serve(warm_up=WARM_UP, pre_fork="aclarknet.mongodb:close_clients") as server:
        before = ask_all(server, uri)
        server.send_signal(signal.SIGHUP)
        server.await_workers(2, timeout=90, without=before)
        workers = ask_all(server, uri)
        zygote = the_zygote(server)
        assert proc.threads(zygote) == 1
        assert not to_mongodb(zygote, uri)
        one, other = (to_mongodb(worker, uri) for worker in workers)
        assert not one & other
        said = "\n".join(server.log.lines)
        assert "left by the import" not in said and PYMONGOS_OWN not in said, said


def test_post_fork_gives_each_worker_a_client_of_its_own(serve, uri):
    with serve(warm_up=WARM_UP, post_fork="aclarknet.mongodb:close_clients") as server:
        one, other = (to_mongodb(worker, uri) for worker in ask_all(server, uri))
        assert one - other and other - one
        assert PYMONGOS_OWN not in "\n".join(server.log.lines)


def test_nothing_is_connected_at_import(serve, uri):
    with serve() as server:
        ask_all(server, uri)
        zygote = the_zygote(server)
        assert not to_mongodb(zygote, uri)
        assert "left by the import" not in "\n".join(server.log.lines)
