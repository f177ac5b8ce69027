# SPDX-License-Identifier: Apache-2.0
"""`monodon import`: what it prints is what `monodon serve` then reads."""

import os
import subprocess

import pytest

from support import paths

UNIT = """[Service]
WorkingDirectory={site}
ExecStart=/usr/bin/gunicorn -c gunicorn.conf.py --workers 3 app:application
"""


@pytest.fixture(name="site")
def fixture_site(tmp_path):
    (tmp_path / "app.py").write_text("def application(environ, start_response): pass\n")
    (tmp_path / "gunicorn.conf.py").write_text(
        "workers = 2\nthreads = 4\nloglevel = 'debug'\nspew = True\n")
    (tmp_path / "shop.service").write_text(UNIT.format(site=tmp_path))
    return tmp_path


def monodon(site, *words):
    environment = dict(os.environ)
    if "MONODON_TEST_PRELOAD" in environment:  # the runtime of a sanitizer
        environment["LD_PRELOAD"] = environment["MONODON_TEST_PRELOAD"]
    return subprocess.run([paths.MONODON, *words], cwd=site, env=environment, text=True,
                          timeout=60, capture_output=True, check=False)


@pytest.mark.parametrize("what", [
    ["shop.service"], ["gunicorn", "-c", "gunicorn.conf.py", "-w", "3", "app:application"]])
def test_what_is_imported_is_a_file_that_serve_takes(site, what):
    done = monodon(site, "import", *what)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ('application: "app:application"\nworkers: 3\nthreads: 4\n'
                           'hop_by_hop: drop\nlog_level: debug\n')
    assert "differs: gunicorn.conf.py: spew: there is no equivalent" in done.stderr
    assert "differs: gunicorn.conf.py: its values are those that it has here and now" in done.stderr
    (site / "monodon.yaml").write_text(done.stdout)
    assert monodon(site, "check").returncode == 0


def test_the_unit_that_is_printed_runs_us(site):
    done = monodon(site, "import", "--unit", "shop.service")
    assert done.returncode == 0, done.stderr
    assert "ExecStart=/usr/bin/monodon serve --config /etc/monodon/shop.yaml\n" in done.stdout
    assert "differs: unit: Type=notify" in done.stderr


def test_variables_that_a_unit_takes_away_stay_away(site):
    (site / "shop.service").write_text(
        f"[Service]\nWorkingDirectory={site}\nUnsetEnvironment=SECRET\n"
        "Environment=WEB_CONCURRENCY=3\nExecStart=/usr/bin/gunicorn app:app\n")
    done = monodon(site, "import", "--unit", "shop.service")
    assert done.returncode == 0, done.stderr
    taken, = [line for line in done.stdout.splitlines() if line.startswith("UnsetEnvironment=")]
    assert taken.split("=", 1)[1].split()[0] == "SECRET" and "WEB_CONCURRENCY" in taken


def test_a_unit_is_made_where_there_was_none(site):
    done = monodon(site, "import", "--unit", "gunicorn", "-c", "gunicorn.conf.py", "--bind",
                   "unix:/run/gunicorn/a.sock", "--graceful-timeout", "90", "app:application")
    assert done.returncode == 0, done.stderr
    name = site.name
    for line in (f"Requires={name}.socket", "Type=notify", f"WorkingDirectory={site}",
                 "TimeoutStopSec=105", "KillMode=process",
                 f"ExecStart=/usr/bin/monodon serve --config /etc/monodon/{name}.yaml"):
        assert line + "\n" in done.stdout, line
    assert f"monodon init {name} --socket /run/gunicorn/a.sock" in done.stderr
    assert "differs: gunicorn.conf.py: spew" in done.stderr


@pytest.mark.parametrize("what", [
    ["uwsgi.ini"], ["uwsgi", "--ini", "uwsgi.ini", "--processes", "2"],
    ["uwsgi --http-socket 127.0.0.1:8000 --wsgi-file app.py -p 2 --touch-reload x"]])
def test_a_site_of_uwsgi_is_a_file_that_serve_takes(site, what):
    (site / "uwsgi.ini").write_text("[uwsgi]\nhttp-socket = 127.0.0.1:8000\nmodule = app\n"
                                    "processes = 2\nharakiri = 20\ntouch-reload = x\n")
    done = monodon(site, "import", *what)
    assert done.returncode == 0, done.stderr
    assert 'application: "app:application"\nbind: ["127.0.0.1:8000"]\nworkers: 2\n' in done.stdout
    assert "touch-reload = x: a deploy calls monodon reload" in done.stderr
    (site / "monodon.yaml").write_text(done.stdout)
    assert monodon(site, "check").returncode == 0


def test_a_unit_of_uwsgi_becomes_one_that_runs_us(site):
    (site / "shop.ini").write_text("[uwsgi]\nhttp-socket = 127.0.0.1:8000\n"
                                   f"module = app\nchdir = {site}\nprocesses = 2\n")
    (site / "shop.service").write_text(
        f"[Service]\nWorkingDirectory={site.parent}\nUser=nobody\nKillSignal=SIGQUIT\n"
        f"ExecStart=/usr/bin/uwsgi --ini {site}/%p.ini --threads 2\n")
    done = monodon(site, "import", "shop.service")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (f'application: "app:application"\ndirectory: {site}\n'
                           'bind: ["127.0.0.1:8000"]\nworkers: 2\nthreads: 2\n'
                           'hop_by_hop: drop\naccess_log: "-"\n')
    unit = monodon(site, "import", "--unit", "shop.service")
    assert unit.returncode == 0, unit.stderr
    assert "KillSignal" not in unit.stdout and "User=nobody\n" in unit.stdout
    assert "ExecStart=/usr/bin/monodon serve --config /etc/monodon/shop.yaml\n" in unit.stdout
    assert "differs: unit: KillSignal= is gone" in unit.stderr


def test_a_script_that_starts_gunicorn_is_read(site):
    (site / "gunicorn.conf.py").unlink()
    (site / "start.sh").write_text("#!/bin/sh\nN=3\nexec gunicorn app:application -w $N\n")
    done = monodon(site, "import", "start.sh")
    assert done.returncode == 0, done.stderr
    assert done.stdout == 'application: "app:application"\nworkers: 3\nhop_by_hop: drop\n'
    assert "/start.sh: is read, not run" in done.stderr


@pytest.mark.parametrize("line", [
    "nohup gunicorn app:application -w 3 > out.log 2>&1 &",
    "python manage.py migrate && exec gunicorn app:application -w ${N:-3}",
    "su - www-data -c 'N=3; gunicorn app:application -w $N'", "-w 3 app:application"])
def test_a_line_for_a_shell_is_read_as_one(site, line):
    (site / "gunicorn.conf.py").unlink()
    done = monodon(site, "import", line)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 'application: "app:application"\nworkers: 3\nhop_by_hop: drop\n'
    assert "is ignored" not in done.stderr


@pytest.mark.parametrize("what, status, said", [
    (["uwsgi", "--emperor", "/etc/uwsgi"], 1, "--emperor: each of its files is a service"),
    (["gunicorn.conf.py"], 1, "problem: application: is missing"),
    (["missing.service"], 1, "missing.service: No such file"),
    ([], 2, "needs a unit, a file or a command line"),
])
def test_what_cannot_be_imported_is_told(site, what, status, said):
    done = monodon(site, "import", *what)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_a_file_of_gunicorns_runs_with_the_variables_of_its_service(site):
    (site / "gunicorn.conf.py").write_text(
        "import os\nworkers = int(os.environ['N'])\nthreads = int(os.environ['FROM_FILE'])\n")
    (site / "variables").write_text("FROM_FILE=5\n")
    (site / "shop.service").write_text(
        f"[Service]\nWorkingDirectory={site}\nEnvironment=N=6\nEnvironmentFile={site}/variables\n"
        "ExecStart=/usr/bin/gunicorn -c gunicorn.conf.py app:application\n")
    (site / "supervisord.conf").write_text(
        f"[program:shop]\ndirectory={site}\nenvironment=N=\"6\",FROM_FILE=\"5\"\n"
        "command=/usr/bin/gunicorn -c gunicorn.conf.py app:application\n")
    for what in (["shop.service"], ["supervisord.conf"],
                 ["env", "N=6", "FROM_FILE=5", "gunicorn", "-c", "gunicorn.conf.py",
                  "app:application"]):
        done = monodon(site, "import", *what)
        assert done.returncode == 0, done.stderr
        assert "workers: 6\nthreads: 5\n" in done.stdout, done.stdout


def test_the_file_of_the_directory_is_read_where_no_flag_names_one(site):
    (site / "shop.service").write_text(
        f"[Service]\nWorkingDirectory={site}\nExecStart=/usr/bin/gunicorn app:application\n")
    (site / "other.conf.py").write_text("threads = 7\n")
    for what, threads in ((["shop.service"], 4), (["gunicorn", "app:application"], 4),
                          (["gunicorn", "-c", "other.conf.py", "app:application"], 7)):
        done = monodon(site, "import", *what)
        assert done.returncode == 0, done.stderr
        assert f"threads: {threads}\n" in done.stdout, (what, done.stdout)


def test_a_file_of_gunicorns_that_no_interpreter_can_run_is_told_to_be_missing(site):
    done = monodon(site, "import", "--python", "/no/such/python", "gunicorn", "-c",
                   "gunicorn.conf.py", "app:application")
    assert done.returncode == 1
    assert "gunicorn.conf.py: is not read, so what it sets is missing" in done.stderr


def test_files_by_other_names_scripts_and_sections_are_read(site):
    (site / "gunicorn.conf.py").unlink()
    (site / "start.sh").write_text(
        "#!/bin/sh\nOPTIONS='-w 7'\n[ -n \"$DEV\" ] && OPTIONS=\"$OPTIONS --reload\"\n"
        "export PYTHONPATH=\"/srv/lib${PYTHONPATH:+:$PYTHONPATH}\"\n"
        "exec gunicorn $OPTIONS app:application\n")
    (site / "local.yml").write_text(
        "services:\n  web:\n    user: app\n    command: /app/bin/start.sh\n")
    (site / "Containerfile").write_text("FROM x\nUSER app\nCMD [\"/start.sh\"]\n")
    (site / "supervisord.conf").write_text(f"[program:web]\ncommand={site}/start.sh\n")
    (site / "base.ini").write_text("[uwsgi]\nmodule = app\n[prod]\nprocesses = 7\nini = base.ini\n")
    for what in ("local.yml", "Containerfile", "supervisord.conf", "base.ini:prod"):
        done = monodon(site, "import", what)
        assert done.returncode == 0, done.stderr
        assert "workers: 7\n" in done.stdout, (what, done.stdout, done.stderr)
        if "ini" not in what:
            assert "python_path: [/srv/lib]" in done.stdout and "reload" not in done.stdout
            assert 'OPTIONS: a condition of the script sets it; here it is "-w 7"' in done.stderr
        assert ("user app: " in done.stderr) == (what in ("local.yml", "Containerfile"))
