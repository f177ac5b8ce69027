# SPDX-License-Identifier: Apache-2.0
"""What a person reads of an exception: worker/python/_monodon_failure.py."""


import pytest

from conftest import LIBDIR, runtime


def explained(action, *arguments, hint=""):
    try:
        action(*arguments)
    except BaseException as error:
        return runtime.explain(error, hint)
    raise AssertionError("nothing was raised")


def cannot_connect():
    raise ImportError("cannot connect to vault")


def chained(how):
    def action():
        try:
            cannot_connect()
        except ImportError as error:
            if how == "from None":
                raise ValueError("no settings") from None
            if how == "from":
                raise ValueError("no settings") from error
            raise ValueError("no settings")
    return action


def test_the_reason_is_in_the_first_and_in_the_last_line():
    lines = explained(cannot_connect).splitlines()
    assert lines[0] == lines[-1] == "ImportError: cannot connect to vault"
    assert lines[1] == "Traceback (most recent call last):"
    assert lines.count(lines[0]) == 2
    assert '    raise ImportError("cannot connect to vault")' in lines


def test_a_hint_comes_before_the_traceback():
    assert explained(cannot_connect, hint="Try this.\n").splitlines()[1] == "Try this."


@pytest.mark.parametrize("how, reason", [
    ("from", "ValueError: no settings (caused by ImportError: cannot connect to vault)"),
    ("", "ValueError: no settings (while handling ImportError: cannot connect to vault)"),
    ("from None", "ValueError: no settings"),
])
def test_of_chained_exceptions_the_first_one_is_named_too(how, reason):
    lines = explained(chained(how)).splitlines()
    assert lines[0] == lines[-1] == reason


def test_frames_of_ours_and_of_the_import_machinery_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "outer_one.py").write_text("import importlib\n"
                                           "importlib.import_module('inner_one')\n")
    (tmp_path / "inner_one.py").write_text("1/0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    failure, text, _ = runtime.load_application("outer_one:application")
    assert failure == 3
    files = [line.split('"')[1] for line in text.splitlines() if "  File " in line]
    assert files == [str(tmp_path / "outer_one.py"), str(tmp_path / "inner_one.py")]


def test_without_a_frame_of_the_application_there_is_no_traceback():
    failure, text, _ = runtime.load_application("no_such_module_at_all")
    lines = text.splitlines()
    assert failure == 3 and "Traceback" not in text and LIBDIR not in text
    assert lines[0] == lines[-1] == (
        "ModuleNotFoundError: No module named 'no_such_module_at_all'")
    assert lines[1].startswith("Searched in: ")


def test_a_syntax_error_names_its_file_and_line(tmp_path, monkeypatch):
    (tmp_path / "half_written.py").write_text("def broken(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    lines = runtime.load_application("half_written")[1].splitlines()
    assert lines[0] == "SyntaxError: invalid syntax (half_written.py, line 1)"
    assert lines[-1].startswith("SyntaxError: invalid syntax")
    assert "    def broken(:" in lines


class Awkward(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raise_it(error):
    raise error


@pytest.mark.parametrize("error, reason", [
    (Awkward(), "test_failure.Awkward"),
    (SystemExit(3), "SystemExit: 3"),
    (KeyError("SECRET_KEY"), "KeyError: 'SECRET_KEY'"),
    (ValueError("1 error for Settings\nport\n  is missing"),
     "ValueError: 1 error for Settings"),
    (ExceptionGroup("two", [OSError("a"), ValueError("b")]),
     "ExceptionGroup: two (2 sub-exceptions)"),
])
def test_any_exception_can_be_told(error, reason):
    lines = explained(raise_it, error).splitlines()
    assert lines[0] == reason and lines[-1].startswith(reason.split(":")[0].split()[-1])


def test_exceptions_that_are_each_others_cause_come_to_an_end():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert explained(raise_it, first).splitlines()[-1] == (
        "ValueError: first (caused by ValueError: second)")


@pytest.mark.parametrize("long", ["x" * 200_000, "\n".join(["row"] * 50_000)])
def test_of_a_very_long_exception_the_beginning_and_the_end_are_told_and_how_much_is_not(long):
    def fail():
        raise ValueError(long + " the end")
    text = explained(fail)
    assert len(text) < 20_000
    lines = text.splitlines()
    assert lines[-1] == lines[0] and lines[0].startswith("ValueError: ")
    assert lines[-2].endswith(" the end")
    left, = [line for line in lines if "are left out" in line]
    number = int(left.split()[1])
    assert 180_000 < number < 200_000, left


def test_what_has_no_frames_is_told_once():
    assert explained(raise_it, ValueError("no such hook")).count("no such hook") > 1
    assert runtime._loading.explain(ValueError("no such hook")) == "ValueError: no such hook\n"
