# SPDX-License-Identifier: Apache-2.0
import hashlib
import logging
import tempfile
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client, TestCase, override_settings
from django.urls import reverse

from .models import Entry, Upload, Whale

# Django logs every 404 that a test asks for.
logging.disable(logging.WARNING)


class Catalogue(TestCase):
    def test_the_index_lists_every_whale_of_the_migration(self):
        page = self.client.get(reverse("index"))
        self.assertEqual(Whale.objects.count(), 8)
        for whale in Whale.objects.all():
            self.assertContains(page, whale.get_absolute_url())

    def test_a_whale_has_its_page_and_an_unknown_one_is_404(self):
        self.assertContains(self.client.get("/whales/narwhal/"), "Monodon monoceros")
        self.assertEqual(self.client.get("/whales/unicorn/").status_code, 404)


class GuestBook(TestCase):
    def test_an_entry_is_kept_and_shown_after_the_redirect(self):
        page = self.client.post(
            "/guestbook/", {"author": "Ishmael", "text": "<b>white</b>"}, follow=True
        )
        self.assertEqual(page.redirect_chain, [("/guestbook/", 302)])
        self.assertContains(page, "Ishmael")
        self.assertContains(page, "&lt;b&gt;white&lt;/b&gt;")
        self.assertNotContains(page, "<b>white")

    def test_an_empty_entry_is_refused_with_a_reason(self):
        page = self.client.post("/guestbook/", {"author": "", "text": "x"})
        self.assertContains(page, "This field is required")
        self.assertEqual(Entry.objects.count(), 0)

    def test_a_post_without_the_token_is_403(self):
        client = Client(enforce_csrf_checks=True)
        answer = client.post("/guestbook/", {"author": "a", "text": "b"})
        self.assertEqual(answer.status_code, 403)


class Files(TestCase):
    def test_a_file_comes_back_as_it_was_sent(self):
        content = bytes(range(256)) * 5000
        with tempfile.TemporaryDirectory() as media, override_settings(MEDIA_ROOT=media):
            answer = self.client.post(
                "/files/", {"file": SimpleUploadedFile("all bytes.bin", content)}
            )
            self.assertRedirects(answer, "/files/")
            upload = Upload.objects.get()
            self.assertEqual(upload.size, len(content))
            self.assertEqual(upload.sha256, hashlib.sha256(content).hexdigest())
            download = self.client.get(f"/files/{upload.pk}/")
            self.assertEqual(b"".join(download.streaming_content), content)
            self.assertEqual(download["Content-Length"], str(len(content)))
            self.assertIn("attachment", download["Content-Disposition"])


class Misbehaviour(TestCase):
    def test_the_stream_comes_in_pieces(self):
        page = self.client.get("/stream/?lines=3&seconds=0")
        self.assertTrue(page.streaming)
        self.assertEqual(
            list(page.streaming_content), [b"1 of 3\n", b"2 of 3\n", b"3 of 3\n"]
        )

    def test_slow_and_burn_refuse_what_is_not_a_sane_number_of_seconds(self):
        for page in ["/slow/", "/burn/"]:
            self.assertEqual(self.client.get(page + "?seconds=0.01").status_code, 200)
            for bad in ["x", "-1", "nan", "inf", "1e9"]:
                answer = self.client.get(page, {"seconds": bad})
                self.assertEqual(answer.status_code, 404, (page, bad))

    def test_a_get_of_the_crash_page_only_explains(self):
        self.assertContains(self.client.get("/crash/?how=segv"), "SIGSEGV")
        self.assertEqual(self.client.post("/crash/", {"how": "?"}).status_code, 404)
        with self.assertRaises(SystemExit):
            self.client.post("/crash/", {"how": "sys-exit"})

    @override_settings(DANGEROUS_PAGES=False)
    def test_dangerous_pages_can_be_switched_off(self):
        for page in ["/burn/?seconds=0", "/crash/"]:
            self.assertEqual(self.client.get(page).status_code, 404)
        self.assertNotContains(self.client.get("/"), "/crash/")

    def test_the_server_page_tells_who_answers(self):
        told = self.client.get("/server.json", REMOTE_ADDR="192.0.2.7").json()
        self.assertEqual(told["environ"]["REMOTE_ADDR"], "192.0.2.7")
        self.assertGreater(told["process"]["pid"], 0)
        self.assertContains(self.client.get("/server/"), "wsgi.url_scheme")

    def test_health_needs_no_database(self):
        with self.assertNumQueries(0):
            self.assertEqual(self.client.get("/health").content, b"ok\n")


class Demo(TestCase):
    def test_preparing_twice_leaves_one_user_who_may_log_in(self):
        with tempfile.TemporaryDirectory() as static, override_settings(STATIC_ROOT=static):
            for _ in range(2):
                call_command("prepare_demo", verbosity=0)
            self.assertTrue(self.client.login(username="demo", password="demo"))
            self.assertContains(self.client.get("/admin/"), "Whales")
            self.assertEqual(get_user_model().objects.count(), 1)
            self.assertTrue((Path(static) / "catalogue/site.css").is_file())
