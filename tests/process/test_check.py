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
    (["check", "--workers", "x", "good"], 1, '--workers: "x" is not a whole number'),
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


def test_a_python_configuration_file_is_refused(site):
    (site / "gunicorn.conf.py").write_text("workers = 3\n")
    done = monodon(site, "serve", "good")
    assert done.returncode == 1 and "is a Python file" in done.stderr
    assert monodon(site, "check", "-c", "/dev/null", "good").returncode == 0
