# SPDX-License-Identifier: Apache-2.0
"""The site behind nginx on the socket that systemd owns, in units/ as somebody writes them
by hand: with the command line that the site had for Gunicorn."""

import json

from asking import get, requests
from conftest import SERVICE, SOCKET
from machine import wait_until

PATH = "/run/gunicorn/aclarknet.sock"


def master(machine):
    return int(machine.show(SERVICE, "MainPID"))


def inode(machine):
    return machine.out(f"stat -c %i {PATH}")


def test_the_first_request_starts_the_service_and_is_answered(site):
    assert site.show(SERVICE, "ActiveState") == "inactive"
    assert "Narwhal" in get(site)
    assert site.show(SERVICE, "ActiveState") == "active"
    told = json.loads(get(site, "/server.json"))
    assert told["process"]["interpreter"] == "/usr/bin/python3"
    assert told["environ"]["wsgi.multiprocess"] is True


def test_systemd_owns_the_socket_and_only_nginx_may_connect(site):
    get(site)
    assert site.out(f"stat -c '%U:%G %a' {PATH}") == "www-data:www-data 660"
    assert site.out("stat -c '%U:%G %a' /run/gunicorn") == "root:root 755"
    ask = f"curl -s -o /dev/null --unix-socket {PATH} http://localhost/health"
    assert site.run(f"runuser -u www-data -- {ask}").returncode == 0
    assert site.run(f"runuser -u nobody -- {ask}", check=False).returncode == 7


def test_three_workers_run_under_a_master_without_python(site):
    get(site)
    pid = master(site)
    assert site.out(f"readlink /proc/{pid}/exe") == "/usr/bin/monodon"
    assert "libpython" not in site.out(f"cat /proc/{pid}/maps")
    titles = site.out("ps -u aclarknet -o args=").splitlines()
    assert len([t for t in titles if "worker" in t]) == 3, titles


def test_the_access_log_has_the_address_that_nginx_vouches_for(site):
    get(site, "/whales/narwhal/?from=log")
    # The log is flushed at the latest when the service stops.
    site.run(f"systemctl stop {SERVICE}")
    lines = site.out("cat /srv/aclarknet/logs/gunicorn-access.log").splitlines()
    wanted = [line for line in lines if "from=log" in line]
    assert len(wanted) == 1 and wanted[0].startswith("127.0.0.1 - - ["), lines
    assert '"GET /whales/narwhal/?from=log HTTP/1.1" 200' in wanted[0]


def test_requests_during_restarts_wait_and_are_answered(site):
    get(site)
    before = master(site)
    with requests(site) as ledger:
        for _ in range(3):
            site.run(f"systemctl restart {SERVICE}")
    assert set(ledger["seen"]) == {"200"}, ledger
    assert master(site) != before


def test_a_stop_leaves_the_socket_and_the_next_request_starts_the_service(site):
    get(site)
    before = inode(site)
    site.run(f"systemctl stop {SERVICE}")
    assert site.show(SERVICE, "ActiveState") == "inactive"
    assert site.show(SERVICE, "Result") == "success"
    assert site.show(SOCKET, "ActiveState") == "active"
    assert inode(site) == before
    assert "Narwhal" in get(site)
    assert inode(site) == before


def test_a_reload_brings_new_workers_under_the_same_master(site):
    def workers():
        return {json.loads(get(site, "/server.json"))["process"]["pid"] for _ in range(20)}

    get(site)
    pid = master(site)
    old = workers()
    site.run(f"systemctl reload {SERVICE}")
    wait_until(lambda: not workers() & old, 30, "workers of the new generation")
    assert master(site) == pid


def test_a_killed_master_is_replaced_on_the_same_socket(site):
    get(site)
    pid = master(site)
    before = inode(site)
    site.run(f"kill -KILL {pid}")
    wait_until(lambda: master(site) not in (0, pid), 30, "a new master")
    assert "Narwhal" in get(site)
    assert inode(site) == before
    # The workers of the old master noticed by themselves.
    parents = site.out("ps -u aclarknet -o ppid=,pid=,args=")
    assert str(pid) not in parents.split()


def test_an_application_that_cannot_be_imported_is_told_and_not_left_half_started(site):
    site.run(
        "mkdir -p /etc/systemd/system/aclarknet.service.d && "
        "printf '[Service]\\nRestart=no\\nExecStart=\\nExecStart=/usr/bin/monodon serve "
        "nowhere.wsgi:application\\n' > /etc/systemd/system/aclarknet.service.d/x.conf && "
        "systemctl daemon-reload"
    )
    try:
        assert site.run(f"systemctl start {SERVICE}", check=False).returncode != 0
        assert site.show(SERVICE, "ExecMainStatus") == "3"
        said = site.out(f"journalctl -u {SERVICE} -b --no-pager -n 50")
        assert "No module named 'nowhere'" in said
    finally:
        site.run("rm -r /etc/systemd/system/aclarknet.service.d && systemctl daemon-reload")
