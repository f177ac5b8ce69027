# SPDX-License-Identifier: Apache-2.0
"""The Debian package and its units, from installation to purge."""

import json

import whales
from asking import get, requests
from machine import wait_until
from packages import other_version
from trees import STAGE
from whales import PATH, PORT, SERVICE, SOCKET, site  # noqa: F401

METRICS = "monodon-metrics@whales.socket"
CONTROL = "monodon-control@whales.socket"


def master(machine):
    return int(machine.show(SERVICE, "MainPID"))


def inode(machine):
    return machine.out(f"stat -c %i {PATH}")


def restart_count(machine):
    return int(machine.show(SERVICE, "NRestarts"))


def test_a_first_request_starts_the_service_and_only_nginx_may_connect(site):
    assert site.show(SERVICE, "ActiveState") == "inactive"
    assert "Narwhal" in get(site, port=PORT)
    assert site.show(SERVICE, "ActiveState") == "active"
    assert site.out(f"stat -c '%U:%G %a' {PATH}") == "www-data:www-data 660"
    assert site.out("stat -c '%U:%G %a' /run/monodon/whales") == "root:root 755"
    assert site.out("stat -c '%U:%G %a' /run/monodon-whales") == "monodon:monodon 750"
    ask = f"curl -s -o /dev/null --unix-socket {PATH} http://localhost/health"
    assert site.run(f"runuser -u www-data -- {ask}").returncode == 0
    assert site.run(f"runuser -u nobody -- {ask}", check=False).returncode == 7


def test_a_stop_leaves_the_socket_and_the_next_request_starts_the_service(site):
    get(site, port=PORT)
    before = inode(site)
    site.run(f"systemctl stop {SERVICE}")
    assert site.show(SERVICE, "Result") == "success"
    assert site.show(SOCKET, "ActiveState") == "active"
    assert "Narwhal" in get(site, port=PORT)
    assert inode(site) == before


def test_django_pillow_psycopg_and_numpy_run_under_the_restrictions(site):
    assert get(site, "/libraries", PORT) == "all fine"
    # What the unit promises to let it write, and nothing else.
    assert get(site, "/files", PORT) == (
        "/srv/whales/media/new /var/lib/monodon/whales/new /tmp/new root=False")
    said = site.out("curl -sS -m 30 -o /dev/null -w '%{http_code}' "
                    f"-F name=me -F 'message=a b' http://127.0.0.1:{PORT}/guestbook/")
    assert said in ("200", "302", "403"), said


def test_the_units_are_as_restricted_as_they_claim_and_faultless(site):
    analysed = site.out(f"systemd-analyze security --no-pager {SERVICE} | tail -1")
    exposure = float(analysed.split(":")[1].split()[0])
    assert exposure <= 1.5, analysed
    for unit in (SERVICE, SOCKET, METRICS, CONTROL):
        done = site.run(f"systemd-analyze verify --man=no {unit} 2>&1 | grep -i monodon", False)
        assert done.stdout == "", done.stdout
    owned = site.out(f"systemctl show -p RuntimeDirectory {SOCKET} {SERVICE}").split()
    assert owned == ["RuntimeDirectory=monodon/whales", "RuntimeDirectory=monodon-whales"]


def test_a_metrics_socket_of_systemd_is_taken_and_does_not_start_the_site(site):
    """Of a stopped site: a scrape must not bring it back."""
    site.run(f"systemctl start {METRICS}")
    ask = "curl -sS -m 30 http://127.0.0.1:9117/-/healthy"
    get(site, port=PORT)
    assert site.show(SERVICE, "ActiveState") == "active"
    wait_until(lambda: site.run(ask, check=False).returncode == 0, 30, "the exporter")
    assert "monodon_" in site.out("curl -sS -m 30 http://127.0.0.1:9117/metrics")
    assert site.show(METRICS, "ActiveState") == "active"
    # Another version of the program gets it too.
    exporters = "pgrep -x monodon-exporte"
    before = site.out(exporters)
    site.run("monodon upgrade")
    wait_until(lambda: site.run(exporters, check=False).stdout.strip() not in ("", before), 30,
               "the exporter of the new version")
    wait_until(lambda: site.run(ask, check=False).returncode == 0, 30, "its answer")
    site.run(f"systemctl stop {SOCKET}")
    assert site.show(METRICS, "ActiveState") == "inactive"
    assert site.show(SERVICE, "ActiveState") == "inactive"


def test_sockets_that_are_enabled_while_the_site_runs_start_with_its_restart(site):
    """systemd refuses to start a socket whose service runs: doctor says what starts it."""
    get(site, port=PORT)
    site.run(f"systemctl enable {METRICS} {CONTROL}")
    refused = site.run(f"systemctl start {METRICS}", check=False)
    assert refused.returncode != 0
    told = json.loads(site.run("monodon doctor --json whales", check=False).stdout)
    finding = next(one for one in told["findings"] if one["id"] == "socket-waits")
    assert finding["remedy"] == f"systemctl restart {SERVICE}", finding
    with requests(site, PORT) as ledger:
        site.run(finding["remedy"])
    assert set(ledger["seen"]) == {"200"}, ledger
    assert site.show(METRICS, "ActiveState") == site.show(CONTROL, "ActiveState") == "active"
    site.run("monodon status --control /run/monodon/whales/control.sock")
    assert "socket-waits" not in site.run("monodon doctor whales", check=False).stdout
    site.run(f"systemctl disable {METRICS} {CONTROL}")


def test_a_control_socket_of_systemd_is_for_the_group_that_its_unit_names(site):
    site.run("echo 'g deployers -' | systemd-sysusers -; "
             f"mkdir -p /etc/systemd/system/{CONTROL}.d; printf '[Socket]\\nSocketGroup=deployers"
             f"\\n' > /etc/systemd/system/{CONTROL}.d/x.conf; systemctl daemon-reload; "
             f"systemctl start {CONTROL}")
    get(site, port=PORT)
    path = "/run/monodon/whales/control.sock"
    assert site.out(f"stat -c '%U:%G %a' {path}") == "root:deployers 660"

    def reload(group):
        done = site.run(f"setpriv --reuid nobody --regid {group} --clear-groups monodon reload "
                        f"--control {path}", check=False)
        return done.returncode, done.stderr

    for upgraded in (False, True):
        if upgraded:
            site.run("monodon upgrade")
        wait_until(lambda: reload("deployers")[0] == 0, 30, "a reload by the group")
        status, why = reload("nogroup")
        assert status == 1 and "Permission denied" in why
    # Open to everybody it is believed to be so by mistake.
    site.run(f"chmod 0666 {path}; systemctl restart {SERVICE}")
    assert reload("nogroup")[0] == 1
    site.run(f"monodon reload --control {path}")
    site.run(f"systemctl stop {SOCKET}")
    assert site.show(CONTROL, "ActiveState") == "inactive"


def test_requests_during_restarts_wait_and_are_answered(site):
    get(site, port=PORT)
    before = master(site)
    with requests(site, PORT) as ledger:
        for _ in range(3):
            site.run(f"systemctl restart {SERVICE}")
    assert set(ledger["seen"]) == {"200"}, ledger
    assert master(site) != before


def test_reload_brings_new_code_and_refuses_what_cannot_be_imported(site):
    assert get(site, "/version", PORT) == "1"
    pid = master(site)
    whales.write_version(site, "2")
    site.run(f"systemctl reload {SERVICE}")
    # Not before the new code serves alone is it told that the reload is over.
    assert {get(site, "/version", PORT) for _ in range(8)} == {"2"}
    whales.write_version(site, "3", "import nowhere_to_be_found\n")
    assert site.run(f"systemctl reload {SERVICE}", check=False).returncode == 1
    said = site.out(f"journalctl -u {SERVICE} -b --no-pager -n 60")
    assert "refused" in said and "nowhere_to_be_found" in said
    assert get(site, "/version", PORT) == "2"
    assert site.show(SERVICE, "ActiveState") == "active"
    whales.write_version(site, "4")
    site.run(f"systemctl reload {SERVICE}")
    assert get(site, "/version", PORT) == "4"
    assert master(site) == pid


def test_a_start_that_fails_while_requests_wait_does_not_close_the_socket(site):
    """As systemd does after five starts, for good, where StartLimitIntervalSec= is not 0."""
    whales.write_version(site, "2", "import nowhere_to_be_found\n")
    waiting = site.start(f"curl -sS -m 60 --unix-socket {PATH} http://whales.test/version")
    wait_until(lambda: restart_count(site) > 5, 40, "six starts that fail")
    assert site.show(SOCKET, "ActiveState") == "active"
    whales.write_version(site, "3")
    assert waiting.communicate(timeout=60)[0] == "3"
    assert get(site, "/version", PORT) == "3"


def test_a_killed_master_and_a_stopped_one_are_replaced_on_the_same_socket(site):
    site.run("mkdir -p /etc/systemd/system/monodon@whales.service.d && printf "
             "'[Service]\\nWatchdogSec=2\\n' > "
             "/etc/systemd/system/monodon@whales.service.d/x.conf; systemctl daemon-reload")
    get(site, port=PORT)
    before = inode(site)
    for signal in ("KILL", "STOP"):
        pid, count = master(site), restart_count(site)
        site.run(f"kill -{signal} {pid}")
        wait_until(lambda: restart_count(site) > count and master(site) not in (0, pid), 40,
                   f"a new master after SIG{signal}")
        assert "Narwhal" in get(site, port=PORT)
    assert inode(site) == before
    said = site.out(f"journalctl -u {SERVICE} -b --no-pager -n 200")
    assert "Watchdog timeout" in said


def test_logs_in_files_are_rotated_and_opened_anew(site):
    log = "/var/log/monodon/whales/access.log"
    whales.write(site, "/etc/monodon/whales.yaml", whales.SETTINGS + f"access_log: {log}\n")
    get(site, "/?before=rotation", PORT)
    site.run(f"systemctl reload {SERVICE}; logrotate --force /etc/logrotate.d/monodon")
    wait_until(lambda: site.run(f"test -e {log}.1", check=False).returncode == 0, 10, "rotation")
    get(site, "/?after=rotation", PORT)
    site.run(f"systemctl stop {SERVICE}")
    assert "before=rotation" in site.out(f"cat {log}.1")
    assert "after=rotation" in site.out(f"cat {log}")


def test_an_upgrade_and_a_downgrade_under_load_lose_nothing(site):
    get(site, port=PORT)
    pid = master(site)
    versions = site.out("dpkg-query -W -f '${Version}' monodon"), "9.0"
    other = other_version(STAGE / "monodon.deb", versions[1], STAGE)
    with requests(site, PORT) as ledger:
        for made in (other.name, "monodon.deb"):
            site.run(f"dpkg --install --force-depends --force-downgrade /stage/{made}",
                     timeout=120)
            # In place, and nobody runs the program that was replaced.
            assert master(site) == pid
            assert site.out(f"readlink /proc/{master(site)}/exe") == "/usr/bin/monodon"
    assert set(ledger["seen"]) == {"200"}, ledger
    assert site.out("dpkg-query -W -f '${Version}' monodon") == versions[0]
    # What the administrator wrote is still there.
    assert "site_under_test" in site.out("cat /etc/monodon/whales.yaml")


def test_an_enabled_site_serves_after_a_boot(site):
    site.run(f"systemctl enable {SERVICE}")
    site.reboot()
    wait_until(lambda: site.show(SERVICE, "ActiveState") == "active", 60, "the service")
    assert json.loads(get(site, "/server.json", PORT))["environ"]["wsgi.multiprocess"] is True


def test_removal_stops_the_sites_and_purge_leaves_nothing(site):
    get(site, port=PORT)
    pid = master(site)
    # A site with units of its own that nobody has asked for anything yet.
    site.run("systemctl start aclarknet.socket")
    site.run("dpkg --remove monodon", timeout=120)
    for socket in (SOCKET, "aclarknet.socket"):
        assert site.show(socket, "ActiveState") == "inactive", socket
    assert site.run(f"test -e /proc/{pid}", check=False).returncode != 0
    assert site.run(f"test -e {PATH}", check=False).returncode != 0
    assert "site_under_test" in site.out("cat /etc/monodon/whales.yaml")
    # What a site keeps is not the package's to delete; an empty directory is.
    site.run(f"touch {whales.STATE}/upload; dpkg --purge monodon")
    assert site.out(f"cd {whales.STATE}; ls upload") == "upload"
    site.run("rm -r /var/lib/monodon")
    left = site.out("find / -xdev -name '*monodon*' -not -path '/proc/*' -not -path '/sys/*' "
                    "-not -path '/stage/*' -not -path '/usr/lib/monodon-e2e*' "
                    "-not -path '/etc/ld.so.conf.d/*'")
    assert left == "", left
    site.run("dpkg --install --force-depends /stage/monodon.deb")
