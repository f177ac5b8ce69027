# SPDX-License-Identifier: Apache-2.0
"""Faults of every kind, to be planted in the site of checkup.py, and what doctor says."""

import checkup
from checkup import HOME, NGINX, PATH, SERVICE, SETTINGS, SOCKET, UNITS

WSGI = f"{HOME}/demo/wsgi.py"
DJANGO = f"{HOME}/demo/settings.py"
# A server of another make, on the socket that systemd passes it.
RIVAL = """
import socket
listener = socket.socket(fileno=3)
while True:
    peer, _ = listener.accept()
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 200 OK\\r\\nServer: gunicorn\\r\\nContent-Length: 0\\r\\n\\r\\n")
    peer.close()
"""
RIVAL_UNITS = f"""
cat > /run/rival.py <<'END'{RIVAL}END
printf '[Socket]\\nListenStream={PATH}\\nSocketUser=www-data\\nSocketMode=0660\\n' > \\
    {UNITS}/gunicorn.socket
printf '[Service]\\nExecStart=/usr/bin/python3 /run/rival.py\\n' > {UNITS}/gunicorn.service
systemctl daemon-reload; systemctl start gunicorn.socket
"""


def drop_in(unit, *lines, then=""):
    text = "\\n".join(lines)
    return (f"mkdir -p {UNITS}/{unit}.d; printf '{text}\\n' > {UNITS}/{unit}.d/fault.conf; "
            f"systemctl daemon-reload; {then}")


def view(line):
    """New code whose every answer begins with `line`; started, since a reload refuses it."""
    return (f"cat >> {WSGI} <<'END'\ndef application(environ, start_response):\n"
            f"    {line}\nEND\nsystemctl restart {SERVICE}")


def edit(path, script, then=""):
    return f"sed -i '{script}' {path}; {then}"


# Not a reload: workers of the old configuration may still answer after it.
NGINX_RESTART = "nginx -t -q && systemctl restart nginx"
NO_FILE = "502 .*No such file or directory"
NO_RIGHT = "502 .*Permission denied"
NOBODY = "502 .*Connection refused"

# name: how to make it, what doctor then finds, what nginx says
FAULTS = {
    "one name of a runtime directory in both units": (
        drop_in(SERVICE, "[Service]", f"RuntimeDirectory=gunicorn-{checkup.NAME}",
                then=f"systemctl restart {SERVICE}; systemctl stop {SERVICE}"),
        {"runtime-directory-shared", "socket-missing"}, NO_FILE),
    "a socket that is not started, nor at the next boot": (
        f"systemctl stop {SERVICE} {SOCKET}; systemctl -q disable {SOCKET} {SERVICE}",
        {"socket-not-enabled", "socket-not-active", "socket-missing"}, NO_FILE),
    "a socket for a user that is not there": (
        drop_in(SOCKET, "[Socket]", "SocketUser=apache",
                then=f"systemctl restart {SOCKET} || true"),
        {"proxy-user-unknown", "socket-not-active", "socket-missing"}, NO_FILE),
    "a socket of another user": (
        drop_in(SOCKET, "[Socket]", "SocketUser=root", "SocketGroup=root",
                then=f"systemctl stop {SERVICE}; systemctl restart {SOCKET}"),
        {"nginx-cannot-connect"}, NO_RIGHT),
    "a directory on the way that nginx may not enter": (
        f"chmod 0700 {PATH.rpartition('/')[0]}", {"nginx-cannot-connect"}, NO_RIGHT),
    "a socket for everybody": (
        f"chmod 0666 {PATH}", {"open-to-all"}, "200"),
    "a socket file that nobody listens on": (
        f"systemctl stop {SERVICE} {SOCKET}; mkdir -p {PATH.rpartition('/')[0]}; "
        f"python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{PATH}\")'; "
        f"chown www-data {PATH}; chmod 0660 {PATH}",
        {"socket-not-active", "socket-left-over"}, NOBODY),
    "a file in the socket's place": (
        f"rm {PATH}; touch {PATH}; chmod 0666 {PATH}", {"not-a-socket"}, NOBODY),
    "a second unit that listens under the path": (
        RIVAL_UNITS, {"same-path-twice", "socket-bound-twice", "another-server"}, "200"),
    "a socket unit that starts something else": (
        drop_in(SOCKET, "[Socket]", "Service=gunicorn.service",
                then=f"printf '[Service]\\nExecStart=/bin/true\\n' > "
                     f"{UNITS}/gunicorn.service; systemctl daemon-reload"),
        {"same-path-twice"}, "200"),
    "times and limits that do not fit": (
        drop_in(SERVICE, "[Service]", "KillMode=control-group", "TimeoutStopSec=5",
                "TimeoutStartSec=30", "OOMPolicy=stop", "Type=simple", "LimitNOFILE=256",
                "TasksMax=9"),
        {"kill-mode", "stop-timeout-short", "start-timeout-short", "oom-stops-all",
         "not-notify", "few-descriptors", "few-tasks"}, ""),
    "a service that does not need its socket": (
        edit(f"{UNITS}/{SERVICE}", "s/^Requires=.*//", "systemctl daemon-reload"),
        {"requires-missing"}, "200"),
    "a unit that systemd has not read": (
        edit(f"{UNITS}/{SERVICE}", "s/^Restart=.*/Restart=no/"),
        {"needs-daemon-reload"}, "200"),
    "no socket unit, and Gunicorn still in the service": (
        f"systemctl stop {SOCKET} {SERVICE}; rm {UNITS}/{SOCKET}; "
        + edit(f"{UNITS}/{SERVICE}", "s/^Requires=.*//")
        + drop_in(SERVICE, "[Service]", "ExecStart=", "ExecStart=/usr/bin/gunicorn a:b"),
        {"socket-unit-missing", "another-program", "unit-path-missing"}, NO_FILE),
    "an application that cannot be imported": (
        f"systemctl stop {SERVICE}; echo 'import nowhere' >> {WSGI}; "
        f"systemctl start {SERVICE}; true",
        {"service-failed"}, ""),
    "an application that answers with errors": (
        view("raise ValueError"), {"answers-with-error"}, "500"),
    "an application that is slow": (
        view("import time; time.sleep(1.2); start_response(\"200 OK\", []); return []"),
        {"answers-slowly"}, "200"),
    "an application that ends its process": (
        view("import os; os._exit(3)"), {"no-answer"},
        "502 .*prematurely closed connection"),
    "a user that is not there": (
        drop_in(SERVICE, "[Service]", "User=nobody-of-that-name"),
        {"user-unknown"}, ""),
    "code and logs of another user": (
        f"chown root {HOME}/logs {HOME}/logs/*; chmod 0700 {HOME}; chown root {HOME}",
        {"user-cannot-read", "user-cannot-write", "django-unreadable",
         "answers-with-error"}, "500"),
    "logs where the unit lets nobody write": (
        edit(SETTINGS, f"s,{HOME}/logs/access.log,{HOME}/access.log,"),
        {"user-cannot-write"}, "200"),
    "an nginx that says too little and gives up too early": (
        edit(NGINX, "/proxy_http_version/d; /Host/d; /X-Forwarded/d; "
             "s/\\(read_timeout\\) .*/\\1 20s;/; s/\\(max_body_size\\) .*/\\1 2g;/; "
             "s/keepalive 16;/keepalive 16; keepalive_timeout 80s;/", NGINX_RESTART),
        {"nginx-keepalive-unused", "nginx-keepalive-too-long", "nginx-host",
         "nginx-forwarded-for", "nginx-forwarded-proto", "nginx-read-timeout",
         "nginx-body-size", "django-proxy-header"}, "200"),
    "an nginx that passes to another path": (
        edit(NGINX, f"s,unix:{PATH},unix:/run/other.sock,", NGINX_RESTART),
        {"nginx-no-route"}, NO_FILE),
    "an nginx that would not start again": (
        f"echo 'nonsense;' >> {NGINX}", {"nginx-broken"}, "200"),
    "an nginx that does not run": (
        "systemctl stop nginx", {"nginx-not-running"}, ""),
    "a Django that is not made for a proxy": (
        f"echo 'DEBUG = True; ALLOWED_HOSTS = [\"x.test\"]; "
        f"SECURE_PROXY_SSL_HEADER = (\"HTTP_X_SSL\", \"on\")' >> {DJANGO}",
        {"django-debug", "django-host-not-allowed", "django-proxy-header"}, ""),
    "a Django that answers nobody": (
        f"echo 'ALLOWED_HOSTS = []' >> {DJANGO}", {"django-no-allowed-hosts"}, ""),
    "settings of Django that fail": (
        f"echo 'KEY = os.environ[\"KEY\"]' >> {DJANGO}", {"django-unreadable"}, ""),
    "settings that cannot be": (
        edit(SETTINGS, "s/^workers/wrokers/"), {"settings-broken"}, "200"),
    "settings that can hardly be meant": (
        f"echo 'max_requests_jitter: 5' >> {SETTINGS}",
        {"settings-doubtful"}, "200"),
    "a queue that the kernel cuts": (
        "echo 128 > /proc/sys/net/core/somaxconn", {"backlog-capped"}, "200"),
}
