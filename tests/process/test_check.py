# SPDX-License-Identifier: Apache-2.0
"""`monodon check` and the exit statuses that Gunicorn's callers rely on."""

import os
import subprocess

import pytest

from support import paths

APPLICATION = """
import os
print("imported with", os.environ.get("COLOUR"))
def application(environ, start_response):
    raise AssertionError("check makes no request")
"""


@pytest.fixture(name="site")
def fixture_site(tmp_path):
    (tmp_path / "good.py").write_text(APPLICATION)
    (tmp_path / "bad.py").write_text("import nothing_of_that_name\n")
    return tmp_path


def monodon(site, *words, **variables):
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    environment.update(variables)
    if "MONODON_TEST_PRELOAD" in os.environ:  # the runtime of a sanitizer
        environment["LD_PRELOAD"] = os.environ["MONODON_TEST_PRELOAD"]
    for name in ("MONODON_LIBDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return subprocess.run([paths.MONODON, *words], cwd=site, env=environment, text=True,
                          capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("words, status, said", [
    (["check", "good"], 0, "importing good:application with /usr/bin/python3"),
    (["check", "bad"], 3, "No module named 'nothing_of_that_name'"),
    (["check", "absent"], 3, "No module named 'absent'"),
    (["check", "good:nope"], 4, "nope"),
    (["check", "--no-app", "bad"], 0, "the configuration is good"),
    (["check", "native:hello"], 0, "loading native:hello"),
    (["check", "--workers", "x", "good"], 2, '--workers: "x" is not a whole number'),
    (["check", "--python", "/nonexistent", "good"], 1, "/nonexistent: No such file"),
    (["check", "--chdir", "/nonexistent", "good"], 1, "/nonexistent: No such file"),
    (["check"], 1, "application: is missing"),
    (["check", "--wrokers", "3", "good"], 2, "did you mean --workers?"),
    (["serve", "--daemon", "good"], 2, "there is no daemon mode"),
    (["serve", "--check-config", "good"], 0, "importing good:application"),
    (["serve", "--check-config", "bad"], 1, "nothing_of_that_name"),
    (["serve", "--check-config", "good:nope"], 1, "nope"),
    (["serve", "--check-config", "native:nope"], 1, "nope"),
])
def test_the_status_says_what_sort_of_failure_it_was(site, words, status, said):
    done = monodon(site, *words)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_the_last_line_says_whether_it_is_good_or_what_is_wrong(site):
    (site / "deep.py").write_text("import bad\n")
    assert monodon(site, "check", "good").stderr.splitlines()[-1] == (
        "good: good:application can be served")
    lines = monodon(site, "check", "deep").stderr.splitlines()
    assert lines[-1] == (
        "not good: deep:application: ModuleNotFoundError: No module named 'nothing_of_that_name'")
    assert f'  File "{site}/deep.py", line 1, in <module>' in lines
    assert "importlib" not in str(lines) and "_monodon" not in str(lines)


def test_another_interface_is_named_once(site):
    (site / "streams.py").write_text("async def application(e, s):\n    yield b''\n")
    done = monodon(site, "check", "streams")
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1].startswith(
        "not good: streams:application is an ASGI application (an async generator function). ")


HOOKS = """
from good import application
def before(): print("pre_fork")
def after(worker): print("post_fork", worker.slot)
def end(worker): 1/0
"""


@pytest.mark.parametrize("given, status", [(0, 1), (3, 3)])
def test_an_application_that_ends_the_process_is_not_good(site, given, status):
    (site / "ending.py").write_text(f"import os\nos._exit({given})\n")
    done = monodon(site, "check", "ending")
    assert done.returncode == status
    assert done.stderr.splitlines()[-1] == (
        f"not good: the application has ended the process, with os._exit({given})")
    # What it forks may end like that.
    (site / "forking.py").write_text(
        "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\n" + APPLICATION)
    done = monodon(site, "check", "forking")
    assert (done.returncode, done.stderr.count("not good")) == (0, 0), done.stderr


@pytest.mark.parametrize("words, said", [
    ([], []), (["--hooks"], ["pre_fork", "post_fork 0"])])
def test_hooks_are_looked_up_and_called_only_where_that_is_wanted(site, words, said):
    (site / "hooks.py").write_text(HOOKS)
    (site / "monodon.yaml").write_text(
        "application: hooks\npre_fork: hooks:before\npost_fork: hooks:after\n")
    done = monodon(site, "check", *words)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, said), done.stderr
    (site / "monodon.yaml").write_text("application: hooks\npre_fork: hooks:nope\n")
    done = monodon(site, "check", *words)
    assert done.returncode == 3
    assert "pre_fork: hooks:nope cannot be loaded" in done.stderr.splitlines()[-1]


def test_all_problems_of_a_file_are_told_at_once_with_their_places(site):
    (site / "monodon.yaml").write_text(
        "application: good\nworkes: 3\nkeepalive: long\nbind: [8000]\n")
    done = monodon(site, "check")
    file = site / "monodon.yaml"
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{file}:2:1: workes: unknown setting; did you mean workers?",
        f'{file}:3:12: keepalive: "long" is not a duration; write 500ms, 30s, 5m, 2h or '
        "a number of seconds",
        f'{file}:4:1: bind: "8000" is not an address; did you mean :8000?',
    ]


def test_what_is_printed_is_a_file_that_says_the_same(site):
    words = ["--workers", "3", "--bind", "unix:run.sock", "-e", "COLOUR=a: b",
             "--umask", "007", "good"]
    first = monodon(site, "check", "--no-app", "--print", *words)
    (site / "monodon.yaml").write_text(first.stdout)
    again = monodon(site, "check", "--no-app", "--print")
    assert again.stdout == first.stdout, again.stderr
    assert "workers: 3\n" in first.stdout and f"unix:{site}/run.sock" in first.stdout


def test_the_sources_beat_each_other_in_their_order(site):
    (site / "monodon.yaml").write_text(
        "application: good\nworkers: 2\nthreads: 2\nbacklog: 2\n")
    done = monodon(site, "check", "--no-app", "--print", "--backlog", "5",
                   WEB_CONCURRENCY="3", MONODON_THREADS="4",
                   GUNICORN_CMD_ARGS="--backlog 3 --env 'COLOUR=red green'")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert {"workers: 3", "threads: 4", "backlog: 5", 'environment: ["COLOUR=red green"]'
            } <= set(lines)
    assert "WEB_CONCURRENCY in the environment replaces" in done.stderr


def test_the_application_is_imported_as_the_server_would(site):
    done = monodon(site, "check", "--env", "COLOUR=red", "good", NOTIFY_SOCKET="@x")
    assert (done.returncode, done.stdout) == (0, "imported with red\n")


def test_the_interpreter_of_the_site_is_found(site):
    (site / ".venv" / "bin").mkdir(parents=True)
    (site / ".venv" / "bin" / "python").symlink_to("/usr/bin/python3")
    done = monodon(site, "check", "good")
    assert done.returncode == 0
    assert f"{site}/.venv/bin/python (found by .venv in {site})" in done.stderr


GUNICORN_CONF = """
import multiprocessing, os
print("a word of the file")
from names import greeting
workers = 1 + len([multiprocessing])
bind = ["unix:%s/run.sock" % os.getcwd(), "127.0.0.1:9"]
timeout = 120
umask = 0o007
worker_class = "gthread"
raw_env = ("COLOUR=" + greeting,)
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
accesslog = None
worker_tmp_dir = "/dev/shm"
spew = True
daemon = False
def post_fork(server, worker): pass
def ssl_context(config, factory): pass
def worker_abort(worker): pass
"""


@pytest.fixture(name="gunicorn")
def fixture_gunicorn(site):
    (site / "gunicorn.conf.py").write_text(GUNICORN_CONF)
    (site / "names.py").write_text("greeting = 'green'\n")
    return site


@pytest.mark.parametrize("words", [[], ["-c", "gunicorn.conf.py"]])
def test_a_file_of_gunicorn_is_run_and_its_settings_are_taken(gunicorn, words):
    done = monodon(gunicorn, "check", "--print", "--workers", "5", *words, "good")
    assert done.returncode == 0, done.stderr
    assert {"workers: 5", "request_timeout: 2m", "socket_mode: 0770",
            'environment: ["COLOUR=green"]', 'access_log: ""',
            'secure_scheme_headers: ["X-FORWARDED-PROTO=https"]',
            f'bind: ["unix:{gunicorn}/run.sock", "127.0.0.1:9"]'
            } <= set(done.stdout.splitlines()), done.stdout
    assert "imported with green" in done.stdout
    said = done.stderr.splitlines()
    assert any(line.startswith("warning: ") and "ssl_context: is not called" in line
               for line in said)
    assert "post_fork" not in done.stderr  # is called
    assert any(line.startswith("warning: ") and "spew" in line for line in said)
    assert any(line.startswith("note: ") and "worker_tmp_dir" in line for line in said)
    assert "daemon" not in done.stderr and "greeting" not in done.stderr


@pytest.mark.parametrize("text, said", [
    ("workers = 3\nraise ValueError('not today')\n", "ValueError: not today"),
    ("workers = 'many'\n", 'gunicorn.conf.py: workers: "many" is not a whole number'),
    ("worker_class = 'gevent'\n", 'worker_class: there is no "gevent"'),
    ("certfile = 'x.pem'\n", "certfile: there is no TLS here"),
])
def test_a_file_of_gunicorn_that_cannot_be_followed_says_why(site, text, said):
    (site / "gunicorn.conf.py").write_text(text)
    done = monodon(site, "check", "good")
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_a_file_of_gunicorn_can_be_a_module(gunicorn):
    (gunicorn / "conf.py").write_text("workers = 7\nwsgi_app = 'good'\n")
    done = monodon(gunicorn, "check", "--print", "-c", "python:conf")
    assert done.returncode == 0, done.stderr
    assert "workers: 7\n" in done.stdout


def test_a_file_of_gunicorn_wins_over_what_are_its_defaults(tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text("workers = 3\n")
    for config, workers in (("gunicorn.conf.py", 3), ("monodon.yaml", 6)):
        (tmp_path / "monodon.yaml").write_text("workers: 3\n")
        done = subprocess.run(
            [paths.MONODON, "check", "--no-app", "--print", "-c", config, "--python",
             paths.PYTHON, "a:b"], cwd=tmp_path, capture_output=True, text=True, check=False,
            timeout=30, env=os.environ | {"WEB_CONCURRENCY": "6"})
        assert f"\nworkers: {workers}\n" in done.stdout, done.stderr


def test_a_module_that_is_missing_says_which_interpreter_was_chosen_why_and_what_else_there_is(site):
    (site / "env").mkdir()
    (site / "env" / "pyvenv.cfg").touch()
    done = monodon(site, "check", "bad")
    assert done.returncode == 3, done.stderr
    assert "importing bad:application with /usr/bin/python3 (found by PATH)" in done.stderr
    assert "The interpreter is /usr/bin/python3; python (--python) names another." in done.stderr
    assert f"{site}/env is a virtual environment: --python {site}/env/bin/python" in done.stderr


@pytest.mark.parametrize("config, status", [([], 3), (["--check-config"], 1)])
def test_code_that_crashes_the_interpreter_is_not_good_and_says_where(site, config, status):
    (site / "crashing.py").write_text("import ctypes\nctypes.string_at(0)\n")
    words = ["serve", *config, "crashing"] if config else ["check", "crashing"]
    done = monodon(site, *words)
    assert done.returncode == status
    assert done.stderr.splitlines()[-1] == (
        "not good: the application has ended the process, killed by SIGSEGV")
    assert 'crashing.py", line 2' in done.stderr
