# SPDX-License-Identifier: Apache-2.0
"""`monodon doctor` on a tree of files: what it reads, and how it ends. What each check
finds has its test in tests/unit/cli/doctor/diagnosis_test.cc; a running systemd is in tests/e2e."""

import json
import os
import subprocess

import pytest

from support import paths
from support.server import Server

SETTINGS = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["shop.test"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
LOGGING = {"version": 1, "disable_existing_loggers": False,
           "handlers": {"stderr": {"class": "logging.StreamHandler"}},
           "root": {"handlers": ["stderr"]}}
"""


def monodon(*words):
    return subprocess.run([paths.MONODON, *map(str, words)], cwd="/", text=True,
                          timeout=60, capture_output=True, check=False)


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    """A machine on which `monodon init` was followed."""
    site = tmp_path / "srv/shop"
    (site / "shop").mkdir(parents=True)
    (site / "logs").mkdir()
    (site / "shop/__init__.py").write_text("")
    (site / "shop/settings.py").write_text(SETTINGS)
    (site / "shop/wsgi.py").write_text(
        'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
        "application = None\n")
    made = monodon("init", "shop", "--directory", site, "--output", tmp_path / "made",
                   "--python", "/usr/bin/python3", "--user", "shop")
    assert made.returncode == 0, made.stderr
    for name, place in {"shop.service": "etc/systemd/system/shop.service",
                        "shop.socket": "etc/systemd/system/shop.socket",
                        "shop.yaml": "etc/monodon/shop.yaml",
                        "nginx-shop.conf": "etc/nginx/conf.d/shop.conf"}.items():
        target = tmp_path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((tmp_path / "made" / name).read_text())
    wants = tmp_path / "etc/systemd/system/sockets.target.wants"
    wants.mkdir()
    (wants / "shop.socket").symlink_to("../shop.socket")
    return tmp_path


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def findings(root, *words):
    done = monodon("doctor", "--root", root, "--json", *words)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == max(one["status"] for one in told), done.stderr
    return {finding["id"] for one in told for finding in one["findings"]}


def test_what_init_writes_has_no_finding(root):
    for words in ([], ["shop"], ["shop.service"]):
        done = monodon("doctor", "--root", root, *words)
        assert (done.returncode, done.stdout) == (0, "shop: nothing found\n"), done.stderr


@pytest.mark.parametrize("path, old, new, found", [
    ("etc/systemd/system/shop.service", "RuntimeDirectory=monodon-shop",
     "RuntimeDirectory=monodon/shop", "runtime-directory-shared"),
    ("etc/systemd/system/shop.service", "TimeoutStopSec=45",
     "TimeoutStopSec=5\nType=exec", "stop-timeout-short"),
    ("etc/systemd/system/shop.service", "monodon reload", "kill -HUP $MAINPID", "reload-blind"),
    ("etc/systemd/system/shop.service", "IntervalSec=0", "IntervalSec=10", "start-limit"),
    ("etc/systemd/system/shop.socket", "SocketMode=0660", "SocketMode=0600\nSocketUser=shop",
     "nginx-cannot-connect"),
    ("etc/systemd/system/shop.socket", "[Socket]", "[Socket]\nDirectoryMode=0700",
     "nginx-cannot-connect"),
    ("etc/systemd/system/shop.socket", "[Socket]", "[Socket]\nAccept=yes", "socket-accept"),
    ("etc/systemd/system/shop.socket", "Backlog=4096", "Backlog=1", "backlog-short"),
    ("etc/nginx/conf.d/shop.conf", "client_max_body_size", "#", "nginx-body-size-unset"),
    ("etc/systemd/system/shop.service", "KillMode=process", "", "kill-mode"),
    ("etc/systemd/system/shop.service", "Requires=shop.socket", "", "requires-missing"),
    ("etc/systemd/system/shop.socket", "[Socket]", "[Socket]\nService=old.service",
     "same-path-twice"),
    ("etc/nginx/conf.d/shop.conf", "http.sock", "https.sock", "nginx-no-route"),
    ("etc/nginx/conf.d/shop.conf", "proxy_set_header Host $host;", "", "nginx-host"),
    ("etc/monodon/shop.yaml", "workers: 3", "workers: three", "settings-broken"),
    ("srv/shop/shop/settings.py", '["shop.test"]', "[]", "django-no-allowed-hosts"),
    ("srv/shop/shop/settings.py", "FORWARDED_PROTO", "SSL", "django-proxy-header"),
    ("srv/shop/shop/settings.py", "SECRET_KEY", "raise Exception('x')", "django-unreadable"),
])
def test_a_planted_fault_is_found(root, path, old, new, found):
    edit(root / path, old, new)
    assert found in findings(root)


def test_a_drop_in_counts(root):
    drop_in = root / "etc/systemd/system/shop.service.d"
    drop_in.mkdir()
    (drop_in / "x.conf").write_text("[Service]\nOOMPolicy=stop\n")
    assert findings(root) == {"oom-stops-all"}


def test_a_masked_unit_is_called_so(root):
    unit = root / "etc/systemd/system/shop.service"
    unit.unlink()
    unit.symlink_to("/dev/null")
    done = monodon("doctor", "--root", root, "shop")
    assert "error (unit-masked): shop.service is masked" in done.stdout
    assert "systemctl unmask shop.service; then" in done.stdout


def with_handler(more, handler=""):
    """LOGGING with a handler to stderr."""
    return ("LOGGING = {'version': 1, 'handlers': {'x': {'class': 'logging.StreamHandler'"
            + handler + "}}, " + more + "}")


ROOT = "'root': {'handlers': ['x']}"
KEEP = "'disable_existing_loggers': False, "
ONLY_DEBUG = "'filters': {'f': {'()': 'django.utils.log.RequireDebugTrue'}}, "


@pytest.mark.parametrize("logging, kept", [
    ("LOGGING = {}", False),  # as Django comes
    ("LOGGING = {}; ADMINS = [('a', 'a@x.test')]", True),
    ("LOGGING = {}; DEBUG = True", True),
    ("LOGGING_CONFIG = None", True),  # somebody does it in another way
    (with_handler(KEEP + ROOT), True),
    (with_handler(ROOT), False),  # django.request was made before, and is disabled
    (with_handler("'loggers': {'django': {'handlers': ['x']}}"), True),
    (with_handler(KEEP + ROOT, ", 'level': 'CRITICAL'"), False),
    (with_handler(KEEP + ONLY_DEBUG + ROOT, ", 'filters': ['f']"), False),
    # logging's last resort writes it to stderr.
    (with_handler(KEEP + "'loggers': {'django': {'handlers': [], 'propagate': False}}"), True),
])
def test_tracebacks_that_go_nowhere_are_told_by_the_settings(tmp_path, logging, kept):
    (tmp_path / "settings.py").write_text(f"{SETTINGS}\n{logging}\n")
    done = subprocess.run(
        [paths.PYTHON, paths.ROOT / "worker/python/read_site.py", tmp_path, "wsgi:application"],
        env={"DJANGO_SETTINGS_MODULE": "settings"}, capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)["logs_errors"] is kept


def test_a_site_whose_tracebacks_go_nowhere_is_told(root):
    edit(root / "srv/shop/shop/settings.py", "LOGGING = ", "LOGGING = {}; OTHER = ")
    assert findings(root) == {"django-logging"}


def test_a_server_without_systemd_is_looked_at_by_its_file():
    with Server(config={"metrics_bind": "unix:" + os.path.join("/tmp", "none.sock")},
                sockets={"http": ("127.0.0.1", 0)}) as server:
        told = json.loads(monodon("doctor", "--json", "-c", server.path("monodon.yaml")).stdout)
        assert told["status"] == 0, told
        assert [one["id"] for one in told["findings"]] == ["metrics-unix"]
        assert told["preload"]["shared"] is True  # the running server was asked
        server.stop()
        told = json.loads(monodon("doctor", "--json", "-c", server.path("monodon.yaml")).stdout)
        assert told["findings"][0]["id"] == "server-silent"


def test_a_finding_comes_with_its_remedy_and_a_status(root):
    (root / "etc/systemd/system/sockets.target.wants/shop.socket").unlink()
    done = monodon("doctor", "--root", root)
    assert done.returncode == 1
    assert "shop: warning (socket-not-enabled): " in done.stdout
    assert "systemctl enable shop.socket" in done.stdout


def test_an_instance_that_is_enabled_without_settings_is_told(root):
    units = root / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for unit in ("monodon@.service", "monodon@.socket"):
        (units / unit).write_text((paths.BUILD / "conf" / unit).read_text())
    for target, unit in (("multi-user", "service"), ("sockets", "socket")):
        wants = root / f"etc/systemd/system/{target}.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / f"monodon@lost.{unit}").symlink_to(f"/usr/lib/systemd/system/monodon@.{unit}")
    done = monodon("doctor", "--root", root, "lost")
    assert "lost: error (settings-broken)" in done.stdout
    assert "/etc/monodon/lost.yaml: No such file" in done.stdout


def test_a_site_that_is_not_there_is_an_error(root, tmp_path):
    assert "service-missing" in findings(root, "absent")
    done = monodon("doctor", "--root", tmp_path / "srv")
    assert done.returncode == 2 and "no service runs monodon" in done.stderr
