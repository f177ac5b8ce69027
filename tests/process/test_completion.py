# SPDX-License-Identifier: Apache-2.0
"""Completion, as a shell asks for it."""

import os
import pty
import select
import shutil
import signal
import subprocess

import pytest

from support import paths
from support.until import until


def script(shell):
    return subprocess.run([paths.MONODON, "generate", f"{shell}-completion"], text=True,
                          capture_output=True, check=True, timeout=30).stdout


def complete(*words, directory, path=os.environ["PATH"]):
    typed = " ".join(f"'{word}'" for word in words)
    ask = (f"{script('bash')}\nCOMP_WORDS=(monodon {typed}) COMP_CWORD={len(words)}\n"
           '_monodon; printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(["bash", "-c", ask], text=True, capture_output=True, check=True,
                          timeout=30, cwd=directory, env={"PATH": path}).stdout.split()


@pytest.mark.parametrize("words, answer", [
    (["do"], ["doctor"]),
    (["re"], ["reload"]),
    (["doctor", "--js"], ["--json"]),
    (["serve", "--worker-c"], ["--worker-class"]),
    (["serve", "--daemo"], []),  # known, and not offered
    (["nonsense", "--"], []),
    (["serve", "--log-level", "de"], ["debug"]),
    (["serve", "--log-level", "=", "cri"], ["critical"]),  # bash parts words at "="
    (["top", "--sort", ""], ["slot", "requests", "p99", "errors", "cpu", "memory",
                             "running"]),
    (["serve", "--workers", ""], []),
    (["serve", "my"], ["mysite.wsgi"]),  # not mysite/, which serve refuses
    (["init", ""], []),
])
def test_a_word_is_completed(words, answer, tmp_path):
    (tmp_path / "mysite").mkdir()
    (tmp_path / "mysite/wsgi.py").touch()
    assert complete(*words, directory=tmp_path) == answer


@pytest.mark.parametrize("words", [["status", ""], ["doctor", "bl"], ["trace", "bl"]])
def test_sites_that_run_are_offered(words, tmp_path):
    listing = tmp_path / "monodon"
    listing.write_text('#!/bin/sh\n[ "$*" = "ls --quiet" ] && printf "blog\\nshop\\n"\n')
    listing.chmod(0o755)
    offered = complete(*words, directory=tmp_path, path=f"{tmp_path}:{os.environ['PATH']}")
    assert offered == [site for site in ("blog", "shop") if site.startswith(words[-1])]


def test_files_are_offered_where_a_path_is_wanted(tmp_path):
    (tmp_path / "a.yaml").touch()
    (tmp_path / "serve").mkdir()
    assert sorted(complete("serve", "--config", "", directory=tmp_path)) == ["a.yaml", "serve"]
    # A directory of that name does not make a command of it.
    assert complete("serv", directory=tmp_path) == ["serve"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_a_shell_is_one_it_can_read(shell):
    text = script(shell)
    assert "doctor" in text and "max-requests-jitter" in text
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=text, text=True, check=True)


TYPED = [("monodon serve --log-level cri", "critical"), ("monodon sca", "scale"),
         ("monodon top --sort mem", "memory"), ("monodon serve my", "mysite.wsgi"),
         ("monodon status sh", "shop")]


@pytest.fixture(name="project")
def _project(tmp_path):
    """A directory with a Django site, a configuration, and a monodon that knows of two
    sites; the environment for it."""
    (tmp_path / "mysite").mkdir()
    (tmp_path / "mysite/wsgi.py").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "monodon").write_text('#!/bin/sh\nprintf "blog\\nshop\\n"\n')
    (programs / "monodon").chmod(0o755)
    return tmp_path, {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path),
                      "TERM": "dumb"}


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
@pytest.mark.parametrize("typed, offered", TYPED)
def test_fish_offers_values_sites_and_applications(project, typed, offered):
    directory, environment = project
    (directory / "monodon.fish").write_text(script("fish"))
    said = subprocess.run(
        ["fish", "--no-config", "-c", f'source monodon.fish; complete -C "{typed}"'],
        text=True, capture_output=True, check=True, timeout=60, cwd=directory,
        env=environment).stdout
    assert [line.split("\t")[0] for line in said.splitlines()] == [offered]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes_values_sites_and_applications(project):
    directory, environment = project
    (directory / "monodon.zsh").write_text(script("zsh"))
    shell, terminal = pty.fork()
    if shell == 0:
        os.chdir(directory)
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
    seen = ""

    def shows(text):
        def look():
            nonlocal seen
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 65536).decode(errors="replace")
            return text in seen
        until(look, lambda: f"{text!r} in {seen!r}", 20, pause=0)
    try:
        os.write(terminal, b"autoload -U compinit; compinit -D; source ./monodon.zsh; "
                           b"echo re''ady\n")
        shows("ready")
        for typed, offered in TYPED:
            seen = ""
            os.write(terminal, f"{typed}\t".encode())
            shows(offered)
            os.write(terminal, b"\x15")  # forgets the line
    finally:
        os.kill(shell, signal.SIGKILL)
        os.waitpid(shell, 0)
        os.close(terminal)
