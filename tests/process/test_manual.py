# SPDX-License-Identifier: Apache-2.0
"""monodon(8) has every command with every flag of its own, and every signal of the master."""

import re
import subprocess

import pytest

from support import paths

MANUAL = (paths.ROOT / "docs/man/monodon.8").read_text()
# Flags that are the settings' have a manual of their own, monodon.yaml(5).
OWN = {"General", "Options", "Arguments"}


def help_of(*command):
    return subprocess.run([paths.MONODON, *command, "--help"], text=True, capture_output=True,
                          check=True, timeout=30).stdout


def parts(text):
    """Heading -> the text below it."""
    found = re.split(r"(?m)^([A-Z][a-z ]+):$", text)
    return dict(zip(found[1::2], found[2::2], strict=True))


def commands():
    listed = [text for name, text in parts(help_of()).items() if "ommands" in name]
    return re.findall(r"(?m)^  ([a-z]+) ", "".join(listed))


def own_flags(command):
    text = "".join(text for name, text in parts(help_of(command)).items() if name in OWN)
    lines = re.findall(r"(?m)^  (-\S.*)$", text)
    return {word for line in lines for word in re.findall(r"(?<!\S)--?([a-z][a-z-]*)", line)}


def mentioned(text):
    """Flags in a text of mdoc(7): `.Fl c , -config Ar file` has c and config."""
    lines = re.findall(r"(?m)^\.(?:Op |Pq )?Fl (.*)$", text)
    names = [re.split(r" (?:Ar|No) ", line)[0] for line in lines]
    return {word.lstrip("-") for name in names for word in name.split() if word not in {",", "."}}


def items():
    """Command -> (the text before the items of its section, its own item)."""
    found = {}
    for section in MANUAL[:MANUAL.index(".Sh SIGNALS")].split("\n.Ss ")[1:]:
        introduction, *rest = re.split(r"(?m)^\.It Ic ", section)
        for item in rest:
            found[item.split()[0]] = (introduction, item)
    return found


def test_commands_are_found_in_help():
    assert {"serve", "reload", "doctor"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_manual_with_its_flags(command):
    synopsis = MANUAL[MANUAL.index(".Sh SYNOPSIS"):MANUAL.index(".Sh DESCRIPTION")]
    assert re.search(rf"(?m)^\.Ic (?:[a-z]+ \| )*{command}\b", synopsis), "not in the synopsis"
    introduction, item = items()[command]
    general = MANUAL[MANUAL.index(".Sh DESCRIPTION"):MANUAL.index("\n.Ss ")]
    assert own_flags(command) - mentioned(item + introduction + general) == set()


@pytest.mark.parametrize("command", sorted(items()))
def test_the_manual_has_no_flag_that_its_command_has_not(command):
    known = set(re.findall(r"(?<![\w-])--?([a-z][a-z-]*)", help_of(command)))
    assert mentioned(items()[command][1]) - known == set()


def test_every_signal_of_the_master_is_in_the_manual():
    source = (paths.ROOT / "master/requests.cc").read_text()
    watched = set(re.findall(r"\bon\((SIG[A-Z0-9]+)", source)) - {"SIGCHLD"}
    assert len(watched) > 8
    assert watched - set(re.findall(r"SIG[A-Z0-9]+", MANUAL[MANUAL.index(".Sh SIGNALS"):])) == set()
