# SPDX-License-Identifier: Apache-2.0
"""A real Django site, with wsgiref's validator between it and the server."""

import hashlib
import json
import os
import re
import subprocess
import urllib.parse

import pytest
from support import paths
from support.client import pieces, request
from support.server import Server, scratch_directory

SITE = paths.ROOT / "examples" / "site"


@pytest.fixture(scope="module")
def site():
    directory = scratch_directory()
    environment = {"SITE_STATE": directory, "SITE_VALIDATE": "1"}
    subprocess.run([paths.PYTHON, SITE / "manage.py", "prepare_demo"], check=True, cwd=SITE,
                   env=os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"},
                   stdout=subprocess.DEVNULL, timeout=60)
    try:
        with Server("demo.wsgi:application", directory=directory, environment=environment,
                    config={"directory": str(SITE), "threads": 2, "warm_up": "/health",
                            "body_memory": 65536}) as server:
            yield server
    finally:
        subprocess.run(["rm", "-rf", directory], check=True)


class Browser:
    """One connection, its cookies, and the forms it finds."""

    def __init__(self, server):
        self.connection = server.connect()
        self.cookies = {}
        self.how = "whole"

    def ask(self, method, target, body=None, **fields):
        if self.cookies:
            fields["cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        data = request(method, target, body=body, host="127.0.0.1", **fields)
        self.connection.send_pieces(pieces(data, self.how))
        answer = self.connection.response(method)
        for cookie in answer.all("Set-Cookie"):
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer

    def token(self, target):
        page = self.ask("GET", target).body.decode()
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)

    def post(self, target, **values):
        values["csrfmiddlewaretoken"] = self.token(target)
        return self.ask("POST", target, urllib.parse.urlencode(values).encode(),
                        content_type="application/x-www-form-urlencoded")

    def upload(self, target, name, content):
        token, mark = self.token(target), "mark-of-a-part"
        body = (f'--{mark}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"'
                f'\r\n\r\n{token}\r\n--{mark}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n').encode()
        return self.ask("POST", target, body + content + f"\r\n--{mark}--\r\n".encode(),
                        content_type=f"multipart/form-data; boundary={mark}")


@pytest.fixture
def browser(site):
    made = Browser(site)
    yield made
    made.connection.close()


@pytest.mark.parametrize("path", ["/", "/guestbook/", "/files/", "/server/", "/server.json",
                                  "/health", "/static/catalogue/site.css", "/crash/"])
def test_pages_are_served(browser, path, how):
    browser.how = how
    answer = browser.ask("GET", path)
    assert answer.status == 200 and answer.body
    head = browser.ask("HEAD", path)
    assert head.status == 200 and head.body == b""


def test_pages_come_from_the_database(browser):
    found = re.search(rb'href="(/whales/[^"]+)"', browser.ask("GET", "/").body)
    assert browser.ask("GET", found.group(1).decode()).status == 200
    assert browser.ask("GET", "/whales/no-such-whale/").status == 404


def test_a_form_posts_and_redirects(browser, how):
    browser.how = how
    answer = browser.post("/guestbook/", author="J\u00f6rg", text="Gr\u00fc\u00dfe")
    assert answer.status == 302 and answer.header("Location") == "/guestbook/"
    page = browser.ask("GET", "/guestbook/").body.decode()
    assert "Gr\u00fc\u00dfe" in page
    refused = browser.ask("POST", "/guestbook/", b"author=x&text=y",
                          content_type="application/x-www-form-urlencoded")
    assert refused.status == 403


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_file_comes_back_as_it_went(browser, size):
    content = os.urandom(size)
    assert browser.upload("/files/", f"size-{size}.bin", content).status == 302
    page = browser.ask("GET", "/files/").body
    newest = re.search(rb'href="(/files/\d+/)"', page).group(1).decode()
    answer = browser.ask("GET", newest)
    assert answer.body == content and answer.framing == "length"
    assert answer.header("X-SHA256") == hashlib.sha256(content).hexdigest()


def test_a_page_is_streamed(browser):
    answer = browser.ask("GET", "/stream/?lines=5&seconds=0")
    assert answer.framing == "chunked"
    assert answer.body.splitlines()[-1] == b"5 of 5"


def test_logging_in(browser):
    target = "/admin/login/?next=/admin/"
    assert browser.post(target, username="demo", password="wrong").status == 200
    assert browser.post(target, username="demo", password="demo").status == 302
    assert browser.ask("GET", "/admin/").status == 200


def test_the_site_knows_who_serves_it(browser):
    facts = json.loads(browser.ask("GET", "/server.json", x_forwarded_for="192.0.2.9",
                                   x_forwarded_proto="https").body)["environ"]
    assert facts["REMOTE_ADDR"] == "192.0.2.9"
    assert facts["wsgi.url_scheme"] == "https"
    assert facts["SERVER_SOFTWARE"].startswith("monodon/")
    assert facts["REQUEST_ID"]


def test_nothing_broke_the_rules_of_pep_3333(site):
    assert "AssertionError" not in site.log.text()
    assert "WSGIWarning" not in site.log.text()
