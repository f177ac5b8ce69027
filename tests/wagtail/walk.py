# SPDX-License-Identifier: Apache-2.0
"""usage: walk.py NAME PORT CERTIFICATE [USER PASSWORD]
An editor and a visitor walk through the site, from outside of nginx. Each step stands on
those before it; each prints its name when all that it looked at was right."""

import json
import re
import struct
import sys
import zlib

from browser import Browser


def png(width, height):
    """A picture that no other has: stripes."""
    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y % 256, 90))
        for y in range(height))

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def size_of(picture):
    assert picture[:8] == b"\x89PNG\r\n\x1a\n", picture[:16]
    return struct.unpack(">II", picture[16:24])


class Walk:
    def __init__(self, name, port, certificate, user="editor", password="narwhal-tusk"):
        self.browser = Browser(name, port, certificate)
        self.visitor = Browser(name, port, certificate)
        self.user, self.password = user, password
        self.image = self.parent = self.page = None

    def run(self):
        for step in STEPS:
            getattr(self, step)()
            yield step

    def see(self, target, *words, browser=None):
        page = (browser or self.visitor).get(target)
        assert page.status == 200, f"{target}: {page.status} {page.text[:2000]}"
        for word in words:
            assert word in page.text, f"{target}: no {word!r} in\n{page.text[:6000]}"
        return page

    # -- the steps -------------------------------------------------------------------

    def the_front_page_is_there(self):
        self.see("/", "<h1>Welcome</h1>", '<form action="/search/">')

    def the_admin_asks_who_it_is(self):
        page = self.visitor.get("/admin/")
        assert page.status == 302 and "/admin/login/?next=/admin/" in page.header("Location")

    def a_wrong_password_is_refused(self):
        page = self.browser.get("/admin/login/")
        answer = self.browser.post("/admin/login/", page.form("username") | {
            "username": self.user, "password": "wrong"})
        assert answer.status == 200 and "didn&#x27;t match" in answer.text, (
            answer.status, answer.text)

    def the_editor_logs_in(self):
        page = self.browser.get("/admin/login/")
        answer = self.browser.post("/admin/login/", page.form("username") | {
            "username": self.user, "password": self.password})
        assert answer.status == 302, answer.text
        assert "Secure" in answer.header("Set-Cookie")
        home = self.see("/admin/", browser=self.browser)
        style = re.search(r'/static/wagtailadmin/css/core\.css[^"]*', home.text)[0]
        # nginx, not the application, has the file.
        assert self.see(style, "--w-color-").header("Accept-Ranges") == "bytes"

    def the_editor_uploads_an_image(self):
        page = self.see("/admin/images/multiple/add/", browser=self.browser)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
        answer = self.browser.upload(
            "/admin/images/multiple/add/", {"csrfmiddlewaretoken": token}, "files[]",
            "stripes.png", "image/png", png(640, 400))
        assert answer.status == 200, answer.text
        told = json.loads(answer.text)
        assert told["success"] is True, told
        self.image = told["image_id"]
        assert re.fullmatch("[0-9a-f]{24}", self.image), told
        self.see("/admin/images/", "stripes.png", browser=self.browser)

    def the_editor_writes_a_draft(self):
        root = self.see("/admin/pages/", "Welcome", browser=self.browser)
        self.parent = re.search("/admin/pages/([0-9a-f]{24})/edit/", root.text)[1]
        add = f"/admin/pages/add/home/homepage/{self.parent}/"
        fields = self.browser.get(add).form("slug")
        answer = self.browser.post(add, fields | self.body() | {
            "title": "Narwhal", "slug": "narwhal", "introduction": "Its tusk is a tooth.",
            "hero": self.image,
        })
        assert answer.status == 302, answer.text
        self.page = re.search("/admin/pages/([0-9a-f]{24})/edit/", answer.header("Location"))[1]
        assert self.visitor.get("/narwhal/").status == 404, "a draft is public"

    def body(self):
        """What the editor's JavaScript makes of two blocks."""
        blocks = [("heading", "In the ice"), ("image", self.image)]
        fields = {"body-count": str(len(blocks))}
        for i, (kind, value) in enumerate(blocks):
            fields |= {f"body-{i}-deleted": "", f"body-{i}-order": str(i),
                       f"body-{i}-type": kind, f"body-{i}-value": value}
        return fields

    def the_editor_publishes_it(self):
        edit = f"/admin/pages/{self.page}/edit/"
        fields = self.browser.get(edit).form("slug")
        assert fields["introduction"] == "Its tusk is a tooth."
        answer = self.browser.post(edit, fields | self.body() | {
            "action-publish": "action-publish"})
        assert answer.status == 302, answer.text
        self.see("/narwhal/", "<h1>Narwhal</h1>", "<p>Its tusk is a tooth.</p>",
                 "<h2>In the ice</h2>")
        self.see("/", '<a href="/narwhal/">Narwhal</a>')
        self.see(f"/admin/pages/{self.page}/history/", "Published", browser=self.browser)

    def the_renditions_have_their_sizes(self):
        page = self.see("/narwhal/")
        sources = re.findall(r'<img [^>]*src="(/media/images/[^"]+)"', page.text)
        assert len(sources) == 2, page.text
        sizes = []
        for source in sources:
            answer = self.visitor.get(source)
            assert (answer.status, answer.header("Content-Type")) == (200, "image/png"), source
            assert answer.header("Accept-Ranges") == "bytes", source
            sizes.append(size_of(answer.body))
        assert sizes == [(320, 200), (160, 100)], sizes

    def the_visitor_finds_it(self):
        self.see("/search/?q=tusk", "1 found for", '<a href="/narwhal/">Narwhal</a>')
        self.see("/search/?q=walrus", "0 found for")
        self.see("/admin/pages/search/?q=narwhal", "Narwhal", browser=self.browser)

    def the_editor_takes_it_back(self):
        unpublish = f"/admin/pages/{self.page}/unpublish/"
        fields = self.browser.get(unpublish).form(action=unpublish)
        assert self.browser.post(unpublish, fields).status == 302
        assert self.visitor.get("/narwhal/").status == 404
        self.see("/search/?q=tusk", "0 found for")

    def the_editor_deletes_it_and_logs_out(self):
        delete = f"/admin/pages/{self.page}/delete/"
        fields = self.browser.get(delete).form(action=delete)
        assert self.browser.post(delete, fields).status == 302
        page = self.see("/admin/", browser=self.browser)
        token = re.search(r'"CSRF_TOKEN": "(\w+)"', page.text)[1]
        assert self.browser.post("/admin/logout/", {
            "csrfmiddlewaretoken": token}).status == 302
        assert self.browser.get("/admin/").status == 302


STEPS = [name for name, value in vars(Walk).items() if name.startswith(("the_", "a_"))]

if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    for done in Walk(*sys.argv[1:]).run():
        print(done, flush=True)
