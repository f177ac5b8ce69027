# SPDX-License-Identifier: Apache-2.0
"""`monodon init`: the files of a site, from what it is told and what it finds out."""

import os
import shlex
import subprocess

import pytest

from support import paths

EXAMPLE = paths.ROOT / "conf/examples/aclarknet"
FILES = {"aclarknet.service", "aclarknet.socket", "aclarknet.yaml", "deploy.sh",
         "nginx-aclarknet.conf"}


def init(*words, cwd="/", answer="", path=os.environ["PATH"]):
    return subprocess.run([paths.MONODON, "init", *map(str, words)], cwd=cwd, text=True,
                          env=os.environ | {"PATH": path},
                          input=answer, timeout=60, capture_output=True, check=False)


def example_command():
    """The words that README.md beside the example says it was made with."""
    text = (EXAMPLE / "README.md").read_text().replace("\\\n", " ")
    line = next(line for line in text.splitlines() if line.startswith("    monodon init"))
    return shlex.split(line)[2:]


def path_with_nginx(directory, version):
    """A PATH on which nginx is of that version."""
    directory.mkdir()
    program = directory / "nginx"
    program.write_text(f"#!/bin/sh\necho nginx version: nginx/{version} >&2\n")
    program.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_the_nginx_that_is_there_gets_the_words_that_it_knows(tmp_path):
    for version, words in (("1.22.1", "listen 443 ssl http2;"), ("1.26.3", "http2 on;")):
        done = init(*example_command(), "--output", tmp_path / version,
                    path=path_with_nginx(tmp_path / f"bin-{version}", version))
        assert done.returncode == 0, done.stderr
        text = (tmp_path / version / "nginx-aclarknet.conf").read_text()
        assert words in text and text.count("http2") == (2 if "listen" in words else 1)


def test_the_example_is_what_its_command_writes(tmp_path):
    bin_path = path_with_nginx(tmp_path / "bin", "1.22.1")
    done = init(*example_command(), "--output", tmp_path / "out", path=bin_path)
    assert done.returncode == 0, done.stderr
    tmp_path /= "out"
    assert {path.name for path in tmp_path.iterdir()} == FILES
    for name in FILES:
        assert (tmp_path / name).read_text() == (EXAMPLE / name).read_text(), name
    assert (tmp_path / "deploy.sh").stat().st_mode & 0o111 == 0o111


def test_the_example_is_the_site_it_was_asked_for():
    socket = (EXAMPLE / "aclarknet.socket").read_text().splitlines()
    assert {"ListenStream=/run/gunicorn/aclarknet.sock", "RuntimeDirectory=gunicorn",
            "RuntimeDirectoryMode=0755", "SocketUser=nginx", "SocketGroup=nginx",
            "SocketMode=0660", "WantedBy=sockets.target"} <= set(socket)
    service = (EXAMPLE / "aclarknet.service").read_text().splitlines()
    assert {"Requires=aclarknet.socket", "WorkingDirectory=/srv/aclarknet",
            "EnvironmentFile=-/srv/aclarknet/.env"} <= set(service)
    assert not any(line.startswith("RuntimeDirectory=") and "gunicorn" in line
                   for line in service)
    nginx = (EXAMPLE / "nginx-aclarknet.conf").read_text()
    assert "server unix:/run/gunicorn/aclarknet.sock fail_timeout=0;" in nginx
    assert "return 301 https://$host$request_uri;" in nginx
    subprocess.run(["bash", "-n", EXAMPLE / "deploy.sh"], check=True)


@pytest.fixture(name="site")
def fixture_site(tmp_path):
    site = tmp_path / "shop"
    (site / "shop").mkdir(parents=True)
    (site / ".venv/bin").mkdir(parents=True)
    (site / ".venv/bin/python").symlink_to("/usr/bin/python3")
    (site / "shop/__init__.py").write_text("")
    (site / "shop/wsgi.py").write_text(
        'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.live")\n'
        "application = None\n")
    (site / "manage.py").write_text(
        'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.dev")\n')
    (site / "shop/live.py").write_text(
        "import os\nALLOWED_HOSTS = [os.environ['HOST'], '.shop.example']\n"
        "STATIC_ROOT = '/srv/www/static/'\nSTATIC_URL = 'static/'\n"
        "SECRET_KEY = 'x'\nprint('a word of the settings')\n")
    (site / ".env").write_text("# of the site\nHOST='shop.test'\n")
    return site


def test_what_can_be_found_out_is_not_asked(site):
    done = init("--output", "deployment", cwd=site)
    assert done.returncode == 0, done.stderr
    made = site / "deployment"
    yaml = (made / "shop.yaml").read_text()
    assert "application: shop.wsgi:application\n" in yaml
    nginx = (made / "nginx-shop.conf").read_text()
    assert "server_name shop.test *.shop.example;" in nginx
    assert "location /static/ {\n        alias /srv/www/static/;" in nginx
    assert "note: no certificate was found" in done.stderr


def test_the_virtual_environment_is_made_with_the_python_that_the_site_has(site):
    def made(*words):
        assert init("--yes", *words, cwd=site).returncode == 0
        return (site / "deploy.sh").read_text(), (site / "shop.yaml").read_text()

    (site / ".venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.4\n")
    script, settings = made()
    assert f'venv={site}/.venv\n' in script and '"${PYTHON:-python3.12}" -m venv "$venv"' in script
    assert "python:" not in settings
    # Asked for: it makes the environment, which the server finds.
    script, settings = made("--python", "python3")
    assert '"${PYTHON:-python3}"' in script and "python:" not in settings
    # An environment elsewhere is one that the server has to be told.
    (site / ".venv").rename(site / "env")
    script, settings = made("--python", site / "env/bin/python")
    assert f"venv={site}/env\n" in script and '"${PYTHON:-python3.12}"' in script
    assert f"python: {site}/env/bin/python\n" in settings
    (site / "env").rename(site / "venv")
    assert f"venv={site}/venv\n" in made()[0]


def test_a_file_that_differs_is_shown_and_kept_until_that_is_allowed(site):
    assert init(cwd=site).returncode == 0
    assert "says the same" in init(cwd=site).stderr
    yaml = site / "shop.yaml"
    wanted = yaml.read_text()
    yaml.write_text(wanted + "threads: 4\n")
    refused = init(cwd=site)
    assert refused.returncode == 1 and "\n-threads: 4\n" in refused.stdout
    assert yaml.read_text().endswith("threads: 4\n")
    assert init("--yes", cwd=site).returncode == 0
    assert yaml.read_text() == wanted
    assert not list(site.glob("*.new"))


@pytest.mark.parametrize("words, status, said", [
    ([], 1, "application: none was found"),
    (["a b", "--application", "a:b"], 1, "has a character"),
    (["x", "--certificate", "/a"], 2, "belong together"),
    (["x", "--application", "a:b", "--instance", "--socket", "/run/x.sock"], 1,
     "monodon@.socket says where"),
])
def test_what_is_missing_or_cannot_be_is_told(tmp_path, words, status, said):
    done = init(*words, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["init"], ["import", "gunicorn.conf.py"]])
def test_a_directory_that_was_removed_is_told(tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", f"rmdir {gone} && exec {paths.MONODON} {shlex.join(words)}"],
        cwd=gone, text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("monodon: the current directory was removed;"), done.stderr
