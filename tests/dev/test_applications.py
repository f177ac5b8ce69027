# SPDX-License-Identifier: Apache-2.0
"""What `monodon dev` serves where it is told little: settings of manage.py, ASGI, a file that
is named, $PORT."""

import json
import os
import subprocess

import pytest
from support import paths
from support.until import PATIENCE

MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings.local")\n'
# Says what it was given, and refuses to be served, which ends the server.
WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings.production")
application = print("serves", os.environ["DJANGO_SETTINGS_MODULE"], flush=True)
"""
ASGI = "async def app(scope, receive, send):\n    pass\n"


def write(directory, files):
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def dev(directory, *words, command="dev", **environment):
    """What it says until it has ended, for the application cannot be served."""
    # A port that was free may be somebody's when it is taken.
    bind = [] if "PORT" in environment else ["--bind", "127.0.0.1:0"]
    done = subprocess.run(
        [paths.MONODON, command, "--python", paths.PYTHON, "--no-reload", *bind, *words],
        cwd=directory, text=True, capture_output=True, check=False, timeout=40 * PATIENCE,
        env=os.environ | {"TMPDIR": str(directory), "XDG_RUNTIME_DIR": ""} | environment)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("environment,settings,source", [
    ({}, "core.settings.local", "manage.py"),
    ({"DJANGO_SETTINGS_MODULE": "core.settings.test"}, "core.settings.test", "the environment")])
@pytest.mark.parametrize("words", [[], ["core.wsgi"]])
def test_the_settings_are_those_of_manage_py(tmp_path, words, environment, settings, source):
    write(tmp_path, {"manage.py": MANAGE, "core/wsgi.py": WSGI})
    said = dev(tmp_path, *words, **environment)
    assert f"DJANGO_SETTINGS_MODULE is {settings}, from {source}" in said
    assert f"serves {settings}" in said


def test_the_setting_environment_wins_over_manage_py(tmp_path):
    write(tmp_path, {"manage.py": MANAGE, "core/wsgi.py": WSGI, "monodon.yaml":
                     "environment: [DJANGO_SETTINGS_MODULE=core.settings.file]\n"})
    assert "serves core.settings.file" in dev(tmp_path)


def found(directory, interface):
    done = subprocess.run(
        [paths.PYTHON, paths.ROOT / "worker/python/read_site.py", "--candidates", directory,
         interface], check=True, text=True, capture_output=True, timeout=20 * PATIENCE)
    first = json.loads(done.stdout)["applications"][0]
    return first["application"], first["asgi"]


@pytest.mark.parametrize("interface,files,application", [
    ("auto", {"manage.py": MANAGE}, "django.core.wsgi:get_wsgi_application()"),
    ("auto", {"manage.py": MANAGE, "core/wsgi.py": WSGI}, "core.wsgi:application"),
    ("asgi", {"manage.py": MANAGE}, "django.core.asgi:get_asgi_application()"),
    ("asgi", {"manage.py": MANAGE, "core/asgi.py": "application = wrapped()",
              "core/wsgi.py": WSGI}, "core.asgi:application"),
    ("asgi", {"main.py": "app = FastAPI()", "wsgi.py": WSGI}, "main:app"),
    ("asgi", {"main.py": ASGI, "app.py": "app = Flask(__name__)"}, "main:app"),
    ("auto", {"main.py": ASGI, "app.py": "app = Flask(__name__)"}, "app:app")])
def test_the_application_is_one_of_the_interface(tmp_path, interface, files, application):
    write(tmp_path, files)
    assert found(tmp_path, interface) == (application, interface == "asgi")


@pytest.mark.parametrize("words,more", [
    (["--interface", "asgi"], {}), ([], {"monodon.yaml": "interface: asgi\n"})])
def test_an_asgi_application_has_one_thread(tmp_path, words, more):
    write(tmp_path, {"main.py": "raise SystemError('imported')\n" + ASGI} | more)
    said = dev(tmp_path, *words)
    assert "monodon dev main:app" in said and "imported" in said
    assert "threads" not in said


def test_the_refusal_of_an_asgi_application_names_the_setting(tmp_path):
    write(tmp_path, {"main.py": ASGI})
    for words in ([], ["main.py"]):
        assert ("main.py is an ASGI application (main:app); `monodon dev --interface asgi` "
                "serves it") in dev(tmp_path, *words)


def test_a_file_is_taken_for_its_module(tmp_path):
    write(tmp_path, {"pkg/app.py": "app = None\n", "empty.py": ""})
    for word in ("pkg/app.py", "./pkg/app.py:app", str(tmp_path / "pkg/app.py")):
        assert "monodon dev pkg.app:app" in dev(tmp_path, word)
    assert "No such file" in dev(tmp_path, "nothing.py")
    assert "no application was found in empty.py" in dev(tmp_path, "empty.py")
    said = dev(tmp_path, "pkg/app.py", command="serve")
    assert 'application: "pkg/app.py" is a file; did you mean pkg.app:app?' in said
    assert "APP_MODULE" not in said


def test_a_file_imports_what_lies_beside_it(tmp_path):
    """As with flask run and python src/app.py; src is no package."""
    write(tmp_path, {"src/app.py": "import models\nfrom . import models\nfrom src import models\n"
                                   "app = print(models.NAME, flush=True)\n",
                     "src/models.py": "NAME = 'the models'", "pkg/__init__.py": "",
                     "pkg/app.py": "import inner\napp = None\n", "pkg/inner.py": ""})
    assert "the models" in dev(tmp_path, "src/app.py")
    assert "No module named 'inner'" in dev(tmp_path, "pkg/app.py")


def test_a_package_in_src_is_found_and_has_one_name(tmp_path):
    write(tmp_path, {"src/shop/__init__.py": "def create_app():\n    import shop.db, sys\n"
                     "    print('named', __name__, 'src.shop' in sys.modules, flush=True)\n",
                     "src/shop/db.py": ""})
    for words in ([], ["src/shop"], ["src/shop/__init__.py"], ["src/shop/__init__.py:create_app()"]):
        assert "named shop False" in dev(tmp_path, *words), words


def test_a_module_that_is_named_is_looked_into(tmp_path):
    write(tmp_path, {"app.py": "app = print('the app', flush=True)\n",
                     "shop/__init__.py": "def create_app():\n    print('the shop', flush=True)\n"})
    assert "the app" in dev(tmp_path, "app")
    assert "the shop" in dev(tmp_path, "shop")
    assert "No module named 'nothing'" in dev(tmp_path, "nothing")
    assert "no/such is no file and no package" in dev(tmp_path, "no/such")


def test_what_is_half_written_is_told_where_nothing_else_is_found(tmp_path):
    write(tmp_path, {"app.py": "x = (\n"})
    assert "there is no Python in app.py, line 1: '(' was never closed" in dev(tmp_path)


def test_what_is_wrong_with_the_address_is_told_alone(tmp_path):
    write(tmp_path, {"app.py": "app = None\n"})
    said = dev(tmp_path, PORT="abc")
    assert "abc" in said and "application" not in said


def test_settings_of_manage_py_are_not_those_that_wsgi_py_assigns(tmp_path):
    """As under runserver, which has them configured before it imports wsgi.py."""
    hard = WSGI.replace('.setdefault("DJANGO_SETTINGS_MODULE", ', '["DJANGO_SETTINGS_MODULE"] = (')
    write(tmp_path, {"manage.py": MANAGE, "core/settings/local.py": "SECRET_KEY = 'local'",
                     "core/settings/production.py": "SECRET_KEY = 'production'",
                     "core/wsgi.py": hard + "from django.conf import settings\n"
                                            "print('has', settings.SECRET_KEY, flush=True)\n"})
    assert "has local" in dev(tmp_path)


def test_the_port_of_the_environment_is_at_this_machine_alone(tmp_path):
    write(tmp_path, {"app.py": "app = None\n", "gunicorn.conf.py": "bind = '0.0.0.0:9'\n"})
    said = dev(tmp_path, PORT="99999")
    assert "127.0.0.1:99999" in said and "0.0.0.0" not in said


def test_a_static_directory_that_is_not_there_yet_is_made_by_collectstatic(tmp_path):
    write(tmp_path, {"app.py": "app = None\n", "monodon.yaml": "static:\n  /static: collected\n"})
    assert "collectstatic" not in dev(tmp_path)
    write(tmp_path, {"manage.py": MANAGE})
    assert "collected: No such file or directory; with Django, python manage.py collectstatic" in (
        dev(tmp_path))


@pytest.mark.parametrize("words,where", [
    (["."], "site"), (["./"], "site"), (["manage.py"], "site"), (["core"], "site"),
    (["core/"], "site"), (["core/wsgi.py"], "site"), (["core.wsgi"], "site"), (["site"], "."),
    (["site/"], "."), (["site/manage.py"], "."), (["site/core"], "."),
    (["site/core/wsgi.py"], "."), (["site/core/wsgi.py:application"], ".")])
def test_a_django_project_is_served_with_its_settings_however_it_is_named(tmp_path, words, where):
    write(tmp_path / "site", {"manage.py": MANAGE, "core/__init__.py": "", "core/wsgi.py": WSGI})
    assert "serves core.settings.local" in dev(tmp_path / where, *words)


def test_a_package_in_src_can_be_named(tmp_path):
    write(tmp_path, {"src/shop/__init__.py": "def create_app():\n    print('made', flush=True)\n"})
    for word in ("shop", "shop:create_app()"):
        assert "made" in dev(tmp_path, word), word


def test_a_port_alone_is_at_this_machine(tmp_path):
    write(tmp_path, {"app.py": "app = None\n"})
    said = dev(tmp_path, "--bind", ":0")
    assert "127.0.0.1:" in said and "0.0.0.0" not in said
    assert "saved files are reloaded" not in said  # --no-reload


def test_a_directory_that_was_removed_is_told(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", f"rmdir {gone} && exec {paths.MONODON} dev --python {paths.PYTHON}"],
        cwd=gone, text=True, capture_output=True, check=False, timeout=40 * PATIENCE)
    assert done.returncode == 1
    assert "the current directory was removed" in done.stderr
