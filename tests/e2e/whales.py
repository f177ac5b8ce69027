# SPDX-License-Identifier: Apache-2.0
"""A site on the packaged units, monodon@whales, behind nginx on port 81."""

import pytest

SERVICE = "monodon@whales.service"
SOCKET = "monodon@whales.socket"
PATH = "/run/monodon/whales/http.sock"
PORT = 81
HOME = "/srv/whales"
STATE = "/var/lib/monodon/whales"

SETTINGS = f"""
application: site_under_test:application
directory: {HOME}
python: /usr/bin/python3
workers: 2
environment:
  SITE_STATE: {STATE}
"""

# Beside the demo: what libraries can do under the restrictions of the unit.
APPLICATION = '''
from demo.wsgi import application as demo


def libraries():
    import io, numpy, psycopg, psycopg2
    from PIL import Image
    image = Image.new("RGB", (64, 64), "teal").resize((16, 16))
    image.save(io.BytesIO(), "JPEG")
    matrix = numpy.random.default_rng(1).random((120, 120))
    assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(120))
    for driver in psycopg, psycopg2:
        try:
            driver.connect("host=127.0.0.1 port=1 connect_timeout=5")
        except driver.OperationalError as error:
            assert "refused" in str(error), error
    return "all fine"


def files():
    import os
    said = []
    for path in ("/etc/monodon/new", "/srv/whales/new", "/srv/whales/media/new",
                 os.environ["STATE_DIRECTORY"] + "/new", "/tmp/new"):
        try:
            open(path, "w").close()
            said.append(path)
        except OSError:
            pass
    return " ".join(said) + " root=" + str(os.access("/root", os.R_OK))


def application(environ, start_response):
    pages = {"/libraries": libraries, "/files": files, "/version": lambda: VERSION}
    page = pages.get(environ["PATH_INFO"])
    if page is None:
        return demo(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [page().encode()]


VERSION = "1"
'''

NGINX = f"""
upstream whales {{ server unix:{PATH} fail_timeout=0; }}
server {{
    listen {PORT};
    location / {{
        proxy_pass http://whales;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }}
}}
"""


def write(machine, path, text):
    machine.run(f"cat > {path} <<'END'\n{text}\nEND\n")


def write_version(machine, version, tail=""):
    write(machine, f"{HOME}/site_under_test.py",
          APPLICATION.replace('VERSION = "1"', f'VERSION = "{version}"') + tail)


def prepare(machine):
    """The site as an administrator would put it there; nothing is enabled yet."""
    machine.run(
        f"test -d {HOME} || cp -r /stage/root/srv/aclarknet {HOME}; mkdir -p {HOME}/media && "
        f"chown monodon: {HOME}/media && "
        f"install -d -o monodon -g monodon {STATE}"
    )
    write_version(machine, "1")
    write(machine, "/etc/monodon/whales.yaml", SETTINGS)
    write(machine, "/etc/nginx/sites-enabled/whales", NGINX)
    machine.run(
        f"cd {HOME} && SITE_STATE={STATE} runuser -u monodon python3 manage.py prepare_demo "
        "&& systemctl reload nginx"
    )


def clear(machine):
    machine.run(
        f"systemctl disable --now {SOCKET} {SERVICE} monodon-metrics@whales.socket "
        "monodon-control@whales.socket; systemctl reset-failed; "
        "rm -rf /etc/systemd/system/monodon@whales.service.d "
        "/etc/systemd/system/monodon-control@whales.socket.d; "
        "systemctl daemon-reload", check=False,
    )


@pytest.fixture
def site(machine):
    """Socket enabled and listening, service not running."""
    prepare(machine)
    clear(machine)
    machine.run(f"systemctl enable --now {SOCKET}")
    yield machine
    clear(machine)
