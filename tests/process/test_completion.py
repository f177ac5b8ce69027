# SPDX-License-Identifier: Apache-2.0
"""Completion, as a shell asks for it."""

import shutil
import subprocess

import pytest

from support import paths


def script(shell):
    return subprocess.run([paths.MONODON, "generate", f"{shell}-completion"], text=True,
                          capture_output=True, check=True, timeout=30).stdout


def complete(*words):
    typed = " ".join(f"'{word}'" for word in words)
    ask = (f"{script('bash')}\nCOMP_WORDS=(monodon {typed}) COMP_CWORD={len(words)}\n"
           '_monodon; printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(["bash", "-c", ask], text=True, capture_output=True, check=True,
                          timeout=30).stdout.split()


@pytest.mark.parametrize("words, answer", [
    (["do"], ["doctor"]),
    (["re"], ["reload"]),
    (["doctor", "--js"], ["--json"]),
    (["serve", "--worker-c"], ["--worker-class"]),
    (["serve", "--daemo"], []),  # known, and not offered
    (["nonsense", "--"], []),
])
def test_a_word_is_completed(words, answer):
    assert complete(*words) == answer


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_a_shell_is_one_it_can_read(shell):
    text = script(shell)
    assert "doctor" in text and "max-requests-jitter" in text
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=text, text=True, check=True)
