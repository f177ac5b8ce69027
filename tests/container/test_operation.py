# SPDX-License-Identifier: Apache-2.0
"""Logs, limits and new code of a container, and the image of the demo site."""

import json
import os
import re
import subprocess

import pytest
from containers import BARE, HARDENED, Container, get
from images import RECIPE, podman
from support.traffic import Traffic
from support.until import until

VERSION = "from traffic_site import application_of\napplication = application_of({})\n"


def test_both_logs_are_lines_of_json(image):
    with Container(image, *HARDENED) as container:
        container.await_ready()
        assert get(container.address, "/?n=1").status == 200
        container.kill("TERM")
        assert container.await_end() == 0
        requests, messages = ([json.loads(line) for line in log.splitlines()]
                              for log in container.logs())
        assert [line["status"] for line in requests] == [200]
        assert len(messages) > 2 and all("message" in line for line in messages)


def test_both_logs_are_text_if_that_is_asked_for(image):
    common = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'
    with Container(image, *HARDENED, error_log_format="text",
                   access_log_format=common) as container:
        container.await_ready()
        assert get(container.address, "/?n=1").status == 200
        container.kill("TERM")
        assert container.await_end() == 0
        requests, messages = container.logs()
        assert re.fullmatch(r'127\.0\.0\.1 - - \[.*\] "GET /\?n=1 HTTP/1\.1" 200 \d+\n',
                            requests)
        assert messages and "{" not in messages.split()[0]


def test_new_code_from_a_volume_is_reloaded_and_broken_code_refused(image, tmp_path):
    (tmp_path / "mysite.py").write_text(VERSION.format(1))
    tmp_path.chmod(0o755)
    volume = f"{tmp_path}/mysite.py:/site/mysite.py:ro"
    with Container(image, *BARE, "-v", volume) as container:
        container.await_ready()
        with Traffic(container.address, may_close=True) as traffic:
            (tmp_path / "mysite.py").write_text(VERSION.format(2))
            status, said = container.exec("monodon", "reload")
            assert status == 0, said
            traffic.from_now(2)
            (tmp_path / "mysite.py").write_text("import nothing_of_that_name\n")
            status, said = container.exec("monodon", "reload")
            assert status != 0 and "nothing_of_that_name" in said
            traffic.from_now(2)
        assert traffic.clean, traffic.report


def test_workers_are_as_many_as_the_containers_share_of_the_processors(image):
    for share in ("1", "0.5"):
        with Container(image, f"--cpus={share}", workers="auto") as container:
            container.await_ready()
            assert container.metric("monodon_workers_wanted") == 1
    with Container(image, workers="auto") as container:
        container.await_ready()
        assert container.metric("monodon_workers_wanted") == len(os.sched_getaffinity(0))


# Each request keeps a quarter of a megabyte.
HUNGRY = """
from traffic_site import application as inner
kept = []
def application(environ, start_response):
    kept.append(bytearray(b"x" * (1 << 18)))
    return inner(environ, start_response)
"""


def test_a_worker_is_replaced_at_its_share_of_the_containers_memory(image, tmp_path):
    (tmp_path / "mysite.py").write_text(HUNGRY)
    with Container(image, *HARDENED, "--memory=256m", "--memory-swap=256m", "-v",
                   f"{tmp_path}/mysite.py:/site/mysite.py:ro", workers=2) as container:
        container.await_ready()
        with Traffic(container.address, may_close=True, rate=50, slow=5) as traffic:
            until(lambda: container.metric("monodon_worker_exits_total") > 2,
                  "workers to be replaced", 60)
        assert traffic.clean, traffic.report
        log = container.logs()[1]
        assert "max_memory" in log
        assert not container.state()["OOMKilled"]


@pytest.mark.parametrize("options", [[], BARE], ids=["as it is", "hardened"])
def test_the_demo_site_serves_pages_and_static_files(demo, options):
    with Container(demo, *options) as container:
        container.await_ready()
        page = get(container.address)
        assert page.status == 200 and b"whale" in page.body.lower()
        assert get(container.address, "/static/catalogue/site.css").status == 200


def test_the_images_hold_no_root_user_and_no_compiler(image, demo):
    for name in (image, demo):
        config = json.loads(podman("image", "inspect", name))[0]["Config"]
        assert config["User"] == "10001:10001"
    files = podman("run", "--rm", "--network=none", "--ulimit=nproc=4096:4096",
                   "--ulimit=nofile=1024:4096", "--entrypoint=ls", image, "/site")
    assert "Containerfile" not in files and "mysite.py" in files


def test_an_image_without_a_wheel_is_told_where_one_comes_from(tmp_path):
    done = subprocess.run([RECIPE / "build"], env=os.environ | {"WHEELS": str(tmp_path)},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "make portable" in done.stderr
