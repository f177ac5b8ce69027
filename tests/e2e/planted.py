# SPDX-License-Identifier: Apache-2.0
"""Faults that an operator had, or could have: how to make each, what nginx answers then,
what doctor finds, causes first, and what of the remedy a machine cannot read out of it."""

from dataclasses import dataclass, field

from checkup import HOME, NAME, NGINX, PATH, SERVICE, SETTINGS, SOCKET, UNITS
from faults import (DJANGO, NGINX_RESTART, NO_FILE, NO_RIGHT, NOBODY, RIVAL_UNITS, WSGI, drop_in,
                    edit)


@dataclass
class Fault:
    plant: str
    found: list
    answer: str = "200"
    words: list = field(default_factory=list)  # that the findings must contain
    cure: str = ""  # what the remedy says in prose, before its commands


DIRECTORY = PATH.rpartition("/")[0]
AGAIN = f"systemctl restart {SOCKET} {SERVICE}"
# A request makes systemd start what cannot start.
TOUCH = f"curl -sS -m 3 -o /dev/null -H 'Host: {NAME}.test' http://127.0.0.1/ || true"
FAILED = f"""
for i in $(seq 100); do
    [ "$(systemctl show --value -p ActiveState {SERVICE})" = failed ] && break; sleep 0.1
done
"""


def service(*lines, then=f"systemctl restart {SERVICE}"):
    return drop_in(SERVICE, "[Service]", *lines, then=then + "\n")


def socket(*lines, then=AGAIN):
    return drop_in(SOCKET, "[Socket]", *lines, then=then + "\n")


def unstartable(*lines):
    """The service is stopped and cannot start again; it stays failed."""
    return service("Restart=no", *lines, then=f"systemctl restart {SERVICE} || true")


BIND_AND_DIE = f"""
python3 - <<'END'
import os, socket
os.unlink("{PATH}")
rival = socket.socket(socket.AF_UNIX)
rival.bind("{PATH}")
rival.listen()
END
chown www-data:www-data {PATH}; chmod 0660 {PATH}
"""
TABLE = {
    "0: the unit as Gunicorn's was": Fault(
        drop_in(SERVICE, "[Unit]", "StartLimitIntervalSec=10", "[Service]", "KillMode=mixed",
                "OOMPolicy=stop", "TimeoutStopSec=5", "RuntimeDirectory=", "ExecReload=",
                "ExecReload=/bin/kill -HUP $MAINPID", then=f"systemctl restart {SERVICE}"),
        ["kill-mode", "start-limit", "oom-stops-all", "reload-blind", "no-control-socket"],
        words=["refused", "RuntimeDirectory=monodon-checkup"]),
    "1: the socket is root's": Fault(
        socket("SocketUser=root", "SocketGroup=root"), ["nginx-cannot-connect"], NO_RIGHT,
        ["SocketUser=www-data"]),
    "2: the socket is the site's own": Fault(
        socket(f"SocketUser={NAME}", f"SocketGroup={NAME}", "SocketMode=0600"),
        ["nginx-cannot-connect"], NO_RIGHT),
    "3: the directory is closed": Fault(
        f"chmod 0700 {DIRECTORY}", ["nginx-cannot-connect"], NO_RIGHT, [DIRECTORY]),
    "3b: RuntimeDirectoryMode= of the socket closes nothing": Fault(
        socket("RuntimeDirectoryMode=0700"), []),
    "4: the path was bound again by what is dead": Fault(
        BIND_AND_DIE, ["socket-left-over"], NOBODY, ["another program has bound"]),
    "4b: the socket file is gone": Fault(f"rm {PATH}", ["socket-missing"], NO_FILE),
    "5: a typing error in nginx's upstream": Fault(
        edit(NGINX, f"s,unix:{PATH},unix:{PATH}k,", NGINX_RESTART), ["nginx-no-route"], NO_FILE,
        [PATH, PATH + "k"], edit(NGINX, f"s,unix:{PATH}k,unix:{PATH},", NGINX_RESTART)),
    "6: the service is masked": Fault(
        f"mv {UNITS}/{SERVICE} /usr/lib/systemd/system/; systemctl stop {SERVICE}; "
        f"systemctl daemon-reload; systemctl mask {SERVICE}; {TOUCH}",
        ["unit-masked", "socket-not-active", "socket-missing"], NO_FILE, ["systemctl unmask"]),
    "7: the program is not there": Fault(
        unstartable("ExecStart=", f"ExecStart=/opt/gone/monodon serve -c {SETTINGS}"),
        ["unit-path-missing", "service-failed"], "", ["/opt/gone/monodon", "ExecStart="],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload"),
    "7b: the virtual environment is not there": Fault(
        unstartable("Environment=VIRTUAL_ENV=/srv/gone"),
        ["service-failed"], "", ["VIRTUAL_ENV: /srv/gone/bin/python: No such file"],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload"),
    "8: the environment file is not there": Fault(
        unstartable("EnvironmentFile=/etc/gone.env"),
        ["unit-path-missing", "service-failed"], "", ["/etc/gone.env", "EnvironmentFile="],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload"),
    "8b: export in the environment file": Fault(
        f"printf 'A=1\\nexport KEY=secret\\n' > {HOME}/.env; systemctl restart {SERVICE}",
        ["environment-ignored"], words=[f"{HOME}/.env:2: export KEY"],
        cure=f"sed -i 's/export //' {HOME}/.env"),
    "9: a second socket unit on the path": Fault(
        RIVAL_UNITS, ["same-path-twice", "socket-bound-twice", "another-server"]),
    "10: the disk of the logs is full": Fault(
        f"systemctl stop {SERVICE}; mount -t tmpfs -o size=4m tmpfs {HOME}/logs; "
        f"chown {NAME}:{NAME} {HOME}/logs; systemctl start {SERVICE}; "
        f"dd if=/dev/zero of={HOME}/logs/filled bs=64k 2> /dev/null; true",
        ["disk-full"], words=[f"{HOME}/logs"], cure=f"rm {HOME}/logs/filled"),
    "10b: the directory of the logs is not there": Fault(
        service("Restart=no", then="true")
        + f"mv {HOME}/logs {HOME}/gone; systemctl restart {SERVICE} || true",
        ["settings-broken", "service-failed"], "", [f"{HOME}/logs"],
        f"mv {HOME}/gone {HOME}/logs"),
    "11: the start limit, hit by broken code": Fault(
        drop_in(SERVICE, "[Unit]", "StartLimitIntervalSec=60", "StartLimitBurst=3", "[Service]",
                "RestartSec=10ms")
        + f"systemctl stop {SERVICE}; echo 'import nowhere' >> {WSGI}; {TOUCH}; {FAILED}",
        ["start-limit", "service-failed", "socket-not-active", "socket-missing"], NO_FILE,
        ["No module named 'nowhere'"], f"sed -i '/import nowhere/d' {WSGI}"),
    "12: Backlog=1": Fault(socket("Backlog=1"), ["backlog-short"], words=["Backlog=1 "]),
    "13: no client_max_body_size": Fault(
        edit(NGINX, "/max_body_size/d", NGINX_RESTART), ["nginx-body-size-unset"],
        words=["1m, its default"], cure=f"cp -a /run/good/nginx {NGINX}"),
    "14: nginx gives up first": Fault(
        edit(NGINX, "s/\\(read_timeout\\) .*/\\1 5s;/", NGINX_RESTART), ["nginx-read-timeout"],
        words=["proxy_read_timeout 45s"],
        cure=edit(NGINX, "s/\\(read_timeout\\) .*/\\1 45s;/", NGINX_RESTART)),
    "15: ALLOWED_HOSTS without the site": Fault(
        f"echo 'ALLOWED_HOSTS = [\"x.test\"]' >> {DJANGO}; systemctl restart {SERVICE}",
        ["django-host-not-allowed"], "400", [f"add \"{NAME}.test\""],
        f"echo 'ALLOWED_HOSTS = [\"{NAME}.test\"]' >> {DJANGO}; systemctl restart {SERVICE}"),
    "16: redirects that never end": Fault(
        f"echo 'SECURE_SSL_REDIRECT = True' >> {DJANGO}; systemctl restart {SERVICE}; "
        + edit(NGINX, "/X-Forwarded-Proto/d", NGINX_RESTART),
        ["django-proxy-header", "nginx-forwarded-proto"], "301", ["redirects never end"],
        f"cp -a /run/good/nginx {NGINX}; sed -i '/SSL_REDIRECT/d' {DJANGO}; "
        f"systemctl restart {SERVICE} nginx"),
    "17: nginx passes no Host": Fault(
        f"echo 'ALLOWED_HOSTS = [\"{NAME}.test\"]' >> {DJANGO}; systemctl restart {SERVICE}; "
        + edit(NGINX, "/ Host /d", NGINX_RESTART), ["nginx-host"], "400",
        ["Django answers 400 to everybody"], f"cp -a /run/good/nginx {NGINX}; {NGINX_RESTART}"),
    "18: DynamicUser= and SQLite": Fault(
        service("DynamicUser=yes", "User=", "Group=", f"Environment=SITE_STATE={HOME}/run"),
        ["user-cannot-write"], "", ["DynamicUser=yes"],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload; systemctl restart {SERVICE}"),
    "19: Accept=yes": Fault(
        f"systemctl stop {SERVICE}; " + socket("Accept=yes", then=f"systemctl restart {SOCKET}; true")
        + TOUCH + FAILED.replace(SERVICE, SOCKET),
        ["socket-accept", "socket-not-active", "socket-missing"], NO_FILE, ["Accept=no"]),
    "20: code of root's alone": Fault(
        f"chmod 0700 {HOME}; chown root {HOME}", ["user-cannot-read", "user-cannot-write", "answers-with-error", "django-unreadable"],
        "500", [f"chmod a+rx {HOME}"]),
    "21: few tasks, few descriptors, a socket for everybody": Fault(
        service("TasksMax=12", "LimitNOFILE=64", then="true") + socket("SocketMode=0777"),
        ["few-tasks", "open-to-all", "few-descriptors"]),
    "22: SQLite where the unit lets nobody write": Fault(
        service("ReadWritePaths=", f"ReadWritePaths=-{HOME}/logs"),
        ["user-cannot-write"], words=[f"ReadWritePaths={HOME}/run", "the database's directory"]),
    "23: no spool in /var/tmp": Fault(
        service("InaccessiblePaths=/var/tmp"), ["spool-elsewhere"], words=["/var/tmp", "/tmp"],
        cure=f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload; "
             f"systemctl restart {SERVICE}"),
}
MORE = {
    "a datagram socket": Fault(
        socket("ListenStream=", f"ListenDatagram={PATH}", then=AGAIN + "; true"),
        ["socket-kind", "service-failed", "socket-left-over"], "502", ["Datagram"]),
    "a socket by the name of the one for metrics": Fault(
        socket("FileDescriptorName=metrics", then=AGAIN + "; true"),
        ["socket-kind", "service-failed"], "", ["FileDescriptorName=http"]),
    "a directory to write to that is not there": Fault(
        unstartable("ReadWritePaths=/srv/gone"), ["unit-path-missing", "service-failed"], "",
        ["/srv/gone"], "mkdir /srv/gone"),
    "a working directory that is not there": Fault(
        unstartable("WorkingDirectory=/srv/away"), ["unit-path-missing", "service-failed"], "",
        ["/srv/away", "WorkingDirectory="],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload"),
    "no ExecReload=": Fault(service("ExecReload="), ["reload-blind"], words=["does not work"]),
    "no RuntimeDirectory=": Fault(service("RuntimeDirectory="), ["no-control-socket"]),
    "the address for metrics is another's": Fault(
        f"systemctl stop {SERVICE}; systemd-run -q --unit metrics-thief python3 -m http.server "
        f"-b 127.0.0.1 9117; sleep 1; systemctl start {SERVICE}",
        ["metrics-taken"], words=["metrics-thief.service (python3", "127.0.0.1:9117"],
        cure="systemctl stop metrics-thief"),
    "metrics on a Unix socket that nobody passes on": Fault(
        f"echo 'metrics_bind: unix:/run/monodon-{NAME}/metrics.sock' >> {SETTINGS}; "
        f"systemctl restart {SERVICE}", ["metrics-unix"],
        words=[f"proxy_pass http://unix:/run/monodon-{NAME}/metrics.sock:/metrics"],
        cure=f"cp -a /run/good/settings {SETTINGS}; systemctl restart {SERVICE}"),
    "errors that are logged nowhere": Fault(
        f"echo 'LOGGING = {{}}' >> {DJANGO}; systemctl restart {SERVICE}", ["django-logging"],
        words=["StreamHandler"], cure=f"sed -i '/LOGGING = {{}}/d' {DJANGO}"),
    "a unit without a program": Fault(
        service("ExecStart=", then="true"), ["unit-not-loaded"], "", ["bad-setting"],
        f"rm {UNITS}/{SERVICE}.d/fault.conf"),
    "a disk without inodes": Fault(
        f"systemctl stop {SERVICE}; mount -t tmpfs -o nr_inodes=16 tmpfs {HOME}/logs; "
        f"chown {NAME}:{NAME} {HOME}/logs; systemctl start {SERVICE}; "
        f"touch $(seq -f {HOME}/logs/%g 20) 2> /dev/null; true",
        ["disk-full"], words=["more files"], cure=f"rm {HOME}/logs/[0-9]*"),
    "a directory that systemd makes closed": Fault(
        f"systemctl stop {SERVICE} {SOCKET}; rm -rf {DIRECTORY}; "
        + socket("DirectoryMode=0700"), ["nginx-cannot-connect"], NO_RIGHT, [DIRECTORY],
        f"rm {UNITS}/{SOCKET}.d/fault.conf; systemctl daemon-reload"),
    "broken code under Type=simple": Fault(
        service("Type=simple", "Restart=no", then="true")
        + f"echo 'import nowhere' >> {WSGI}; systemctl stop {SERVICE}; systemctl start {SERVICE}; "
        + FAILED, ["service-failed", "not-notify"], "",
        ["No module named 'nowhere'"], f"sed -i '/import nowhere/d' {WSGI}"),
    "a start that takes too long": Fault(
        service("Restart=no", "TimeoutStartSec=1", "ExecStartPre=/bin/sleep 5",
                then=f"systemctl restart {SERVICE} || true"),
        ["service-failed", "start-timeout-short"], "", ["it took longer than systemd waits"],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload"),
    "a step before the program that fails": Fault(
        service("ExecStartPre=/bin/false", "Restart=no",
                then=f"systemctl restart {SERVICE} || true"),
        ["service-failed"], "", ["Control process exited, code=exited, status=1/FAILURE"],
        f"rm {UNITS}/{SERVICE}.d/fault.conf; systemctl daemon-reload"),
}
PLANTED = {**TABLE, **MORE}
