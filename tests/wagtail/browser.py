# SPDX-License-Identifier: Apache-2.0
"""What an editor's browser does: TLS, cookies, redirects, forms as the page has them. Only
the standard library: it runs on the machine that serves, too."""

import http.client
import html.parser
import socket
import ssl
import uuid
from urllib.parse import urlencode, urljoin, urlsplit


class Page:
    def __init__(self, answer, body, url):
        self.status, self.body, self.url = answer.status, body, url
        self.header = answer.getheader

    @property
    def text(self):
        return self.body.decode()

    def form(self, field="csrfmiddlewaretoken", action=None):
        """{name: value} of the form that has this field (and goes to `action`), as a browser
        sends it in which nothing was filled in."""
        reader = _Forms(self.url)
        reader.feed(self.text)
        for where, fields in reader.forms:
            if field in fields and where == urljoin(self.url, action or where):
                return fields
        raise AssertionError(f"{self.url} has no form with {field}: {reader.forms}")


class _Forms(html.parser.HTMLParser):
    def __init__(self, url):
        super().__init__()
        self.url, self.forms, self._area, self._select = url, [], None, None

    def handle_starttag(self, tag, attributes):
        of = dict(attributes)
        if tag == "form" and of.get("method", "").lower() == "post":
            self.forms.append((urljoin(self.url, of.get("action") or self.url), {}))
        fields = self.forms[-1][1] if self.forms else {}
        if tag == "input" and "name" in of:
            if of.get("type") in ("checkbox", "radio") and "checked" not in of:
                return
            if of.get("type") not in ("submit", "file", "button"):
                fields[of["name"]] = of.get("value") or ""
        elif tag == "textarea" and "name" in of:
            self._area = of["name"]
            fields[self._area] = ""
        elif tag == "select" and "name" in of:
            self._select = of["name"]
        elif tag == "option" and self._select and "selected" in of:
            fields[self._select] = of.get("value") or ""

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data):
        if self._area:
            fields = self.forms[-1][1]
            # A newline right after the tag is no part of the value.
            fields[self._area] += data if fields[self._area] else data.removeprefix("\n")


class Browser:
    """Asks https://name/, which is `port` of this machine; trusts the certificate in the file
    `trusted`."""

    def __init__(self, name, port, trusted):
        self.name, self.port = name, port
        self.origin = f"https://{name}"
        self.cookies = {}
        self._trust = ssl.create_default_context(cafile=trusted)
        self._open = None

    def close(self):
        if self._open:
            self._open.close()
        self._open = None

    def _connection(self):
        if self._open is None:
            self._open = http.client.HTTPSConnection(
                self.name, timeout=60, context=self._trust)
            self._open._create_connection = self._dial
        return self._open

    def _dial(self, _, *arguments, **options):
        return socket.create_connection(("127.0.0.1", self.port), *arguments, **options)

    def ask(self, method, target, body=None, **fields):
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        fields["Referer"] = urljoin(self.origin, target)
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection = self._connection()
        connection.request(method, target, body, fields)
        answer = connection.getresponse()
        page = Page(answer, answer.read(), urljoin(self.origin, target))
        for line in answer.headers.get_all("Set-Cookie", []):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return page

    def get(self, target):
        return self.ask("GET", target)

    def follow(self, page):
        assert page.status in (301, 302), f"{page.status}, not a redirect: {page.text[:2000]}"
        where = urlsplit(urljoin(page.url, page.header("Location")))
        return self.get(where.path + ("?" + where.query if where.query else ""))

    def post(self, target, fields, **more):
        return self.ask("POST", target, urlencode(fields).encode(),
                        Content_Type="application/x-www-form-urlencoded", **more)

    def upload(self, target, fields, name, filename, kind, content):
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n'
                 f"{value}\r\n".encode() for key, value in fields.items()]
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
                     f'filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'.encode())
        body = b"".join([*parts, content, f"\r\n--{boundary}--\r\n".encode()])
        return self.ask("POST", target, body, X_Requested_With="XMLHttpRequest",
                        Content_Type=f"multipart/form-data; boundary={boundary}")
