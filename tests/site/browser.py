# SPDX-License-Identifier: Apache-2.0
"""What a test needs of a browser: cookies, forms, redirects, one connection each."""

import re
import uuid
from urllib.parse import urlencode

from support.client import request


class Browser:
    def __init__(self, server):
        self.server = server
        self.cookies = {}

    def ask(self, method, target, body=None, **fields):
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        with self.server.connect() as connection:
            answer = connection.ask(request(method, target, body, **fields), method)
        for line in answer.all("Set-Cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer

    def get(self, target):
        return self.ask("GET", target)

    def token(self, page):
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
        assert found, "no form with a token"
        return found[1]

    def submit(self, target, **values):
        """Fills the form at `target` in and sends it."""
        values["csrfmiddlewaretoken"] = self.token(self.get(target))
        return self.ask("POST", target, urlencode(values).encode(),
                        Content_Type="application/x-www-form-urlencoded")

    def upload(self, target, name, content):
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"'
            f"\r\n\r\n{self.token(self.get(target))}\r\n".encode(),
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode(),
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
        return self.ask("POST", target, b"".join(parts),
                        Content_Type=f"multipart/form-data; boundary={boundary}")
