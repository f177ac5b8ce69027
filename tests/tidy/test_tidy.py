# SPDX-License-Identifier: Apache-2.0
"""The repository keeps its rules, and each rule finds what it is there to find."""

from pathlib import Path

import pytest
import tidy

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
REPOSITORY = tidy.Tree.of(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("rule", tidy.RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps(rule):
    assert REPOSITORY.files, "no file found"
    assert tidy.findings(REPOSITORY, [rule]) == []


def find(rule, text, path="base/x.cc"):
    return tidy.findings(tidy.Tree({path: text}), [rule])


BAD = [
    (tidy.include_arrows, "base/x.h", '#include "worker/wire/wire.h"'),
    (tidy.include_arrows, "worker/x.cc", '#include "master/config/settings.h"'),
    (tidy.include_arrows, "metrics/x.cc", '#include "master/config/settings.h"'),
    (tidy.include_arrows, "master/x.cc", '#include "cli/main.h"'),
    (tidy.include_arrows, "master/x.cc", '#include "settings.h"'),
    (tidy.include_arrows, "master/fleet/x.cc", '#include "master/system/notify.h"'),
    (tidy.include_arrows, "worker/loop/x.cc", '#include "worker/process/zygote.h"'),
    (tidy.include_arrows, "cli/live/x.cc", '#include "cli/line/commands.h"'),
    (tidy.pure_rooms, "master/fleet/x.cc", "#include <unistd.h>"),
    (tidy.pure_rooms, "master/fleet/x.h", "#include <systemd/sd-daemon.h>"),
    (tidy.pure_rooms, "worker/http/x.cc", "#include <sys/random.h>"),
    (tidy.pure_rooms, "worker/http/x.cc",
     "#include <sys/socket.h>\nint f() { return ::socket(1, 2, 0); }"),
    (tidy.purpose, "base/x.cc", SPDX + "#include <x>\n// Late.\n"),
    (tidy.libraries, "master/x.cc", "#include <yaml-cpp/yaml.h>"),
    (tidy.libraries, "cli/x.cc", "#include <Python.h>"),
    (tidy.libraries, "master/x.cc", "#include <systemd/sd-event.h>"),
    (tidy.banned_calls, "worker/x.cc", "int f() { return fork(); }"),
    (tidy.banned_calls, "master/x.cc", "void f() { (void)::kill(p, 9); }"),
    (tidy.banned_calls, "master/x.cc", "void f() { if (x) waitpid(-1, 0, 0); }"),
    (tidy.banned_calls, "worker/x.cc", "void f() { std::this_thread::sleep_for(1s); }"),
    (tidy.banned_calls, "cli/x.cc", "void f() { exit(1); }"),
    (tidy.banned_calls, "cli/x.cc", "void f() { std::exit(1); }"),
    (tidy.banned_calls, "cli/x.cc", "int f() { return std::stoi(s); }"),
    (tidy.banned_calls, "master/x.cc", "void f() { ::sigaction(1, &a, nullptr); }"),
    (tidy.banned_patterns, "master/x.h", "std::shared_ptr<int> p;"),
    (tidy.banned_patterns, "master/x.cc", "std::thread t{f};"),
    (tidy.banned_patterns, "scoreboard/x.cc", "bip::managed_shared_memory m;"),
    (tidy.close_on_exec, "base/x.cc", "int f() { return ::open(p, O_RDONLY); }"),
    (tidy.close_on_exec, "base/x.cc", "int f() { return ::socket(AF_UNIX, SOCK_STREAM, 0); }"),
    (tidy.close_on_exec, "base/x.cc", "int f() { return ::pipe(fds); }"),
    (tidy.close_on_exec, "base/x.cc", "int f() { return ::dup(1); }"),
    (tidy.headers, "base/x.h", "#pragma once\nusing namespace std;\n"),
    (tidy.headers, "base/x.h", "int x;\n"),
    (tidy.marks, "docs/x.md", "later: " + "TO" + "DO"),
    (tidy.machine_paths, "docs/x.md", "see /" + "home/somebody/notes"),
    (tidy.licence, "base/x.cc", "int x;\n"),
    (tidy.file_length, "base/x.cc", "\n" * 401),
    (tidy.function_length, "base/x.cc", "int f() {\n" + "  g();\n" * 70 + "}\n"),
    (tidy.function_length, "base/x.h", "struct S {\n int f() const {\n" + "\n" * 70 + "}\n};"),
    (tidy.function_length, "tests/x.py", "def f():\n" + "    g()\n" * 71),
    (tidy.unit_tests, "worker/nothing.cc", "int x;\n"),
]


@pytest.mark.parametrize("rule, path, text", BAD)
def test_it_is_found(rule, path, text):
    assert len(find(rule, text, path)) == 1


GOOD = [
    (tidy.purpose, "base/x.cc", SPDX + "// What it is\n// there for.\n#include <x>\n"),
    (tidy.purpose, "base/x.h", SPDX + "#pragma once\n"),
    (tidy.include_arrows, "worker/python/x.cc", '#include "worker/wire/wire.h"\n#include <vector>'),
    (tidy.include_arrows, "master/system/x.cc", '#include "master/fleet/kernel.h"'),
    (tidy.pure_rooms, "worker/http/x.h", "#include <sys/socket.h>\nsockaddr_storage at;"),
    (tidy.pure_rooms, "master/system/x.cc", "#include <unistd.h>"),
    (tidy.libraries, "worker/python/x.cc", "#include <Python.h>"),
    (tidy.banned_calls, "worker/x.h", "virtual int fork() = 0;"),
    (tidy.banned_calls, "worker/x.cc", "auto pid = application.fork();"),
    (tidy.banned_calls, "master/x.cc", "void f() { kernel_->kill(slot); Kernel::kill(1); }"),
    (tidy.banned_calls, "master/x.cc", "// never fork() here\nauto s = \"fork()\";"),
    (tidy.banned_calls, "master/x.cc", "void f() { ::_exit(1); at_exit(2); }"),
    (tidy.banned_calls, "master/x.cc", "void Pool::kill(int) {} void Pool::f() { kill(1); }"),
    (tidy.banned_calls, "master/x.cc", "void f() { (void)::signal(SIGPIPE, SIG_IGN); }"),
    (tidy.close_on_exec, "base/x.cc",
     "constexpr int kFlags = O_APPEND | O_CLOEXEC; int f() { return ::open(p, kFlags); }"),
    (tidy.banned_calls, "master/system/linux_kernel.cc", "int f() { return ::fork(); }"),
    (tidy.banned_patterns, "worker/x.cc", "std::shared_ptr<int> p;"),
    (tidy.close_on_exec, "base/x.cc", "int f() { return ::open(p, O_RDONLY | O_CLOEXEC); }"),
    (tidy.close_on_exec, "base/x.h", "static Result<LogFile> open(const std::string& p);"),
    (tidy.machine_paths, "docs/x.md", "/srv/site and build/home/x and $ROOT/home/x"),
    (tidy.file_length, "base/x.cc", "\n" * 400),
    (tidy.function_length, "base/x.cc", "int f() {\n" + "  g();\n" * 68 + "}\n"),
    (tidy.function_length, "base/x.cc", "namespace a {\n" + "int x;\n" * 90 + "}\n"),
    (tidy.function_length, "base/x.cc", "const int t[] = {\n" + "1,\n" * 90 + "};\n"),
    (tidy.function_length, "base/x.h", "class alignas(64) S {\n" + "int x;\n" * 90 + "};\n"),
]


@pytest.mark.parametrize("rule, path, text", GOOD)
def test_it_is_left_alone(rule, path, text):
    assert find(rule, text, path) == []


def test_numbers_with_separators_and_raw_strings_do_not_hide_what_follows():
    text = "int a = 1'000'000;\nauto s = R\"x(\" ' ( {)x\";\nvoid f() { sleep(1); }"
    assert find(tidy.banned_calls, text) == [
        "base/x.cc:3: sleep() (sleep): wait for the event itself: epoll, the event loop, a timer"
    ]


def test_a_source_with_a_unit_test_of_its_name_or_of_its_header_is_fine():
    for test, text in [
        ("tests/unit/worker/http/parser_test.cc", ""),
        ("tests/unit/http_test.cc", '#include "worker/http/parser.h"'),
    ]:
        tree = tidy.Tree({"worker/http/parser.cc": "", test: text})
        assert tidy.findings(tree, [tidy.unit_tests]) == []


def test_a_source_has_a_header_of_its_name_or_says_which_one(monkeypatch):
    elsewhere = {"cli/listed.cc": "cli/line/commands.h"}
    monkeypatch.setattr(tidy.exceptions, "HEADER_ELSEWHERE", elsewhere)
    sources = ["cli/x.cc", "cli/x.h", "cli/main.cc", "cli/listed.cc", "cli/lost.cc"]
    found = tidy.findings(tidy.Tree(dict.fromkeys(sources, "")), [tidy.own_headers])
    assert [line.split(" ")[0] for line in found] == ["cli/lost.cc:1:"]


def test_an_exception_for_a_header_that_is_gone_or_came_is_found(monkeypatch):
    monkeypatch.setattr(tidy.exceptions, "NO_UNIT_TEST", {})
    monkeypatch.setattr(tidy.exceptions, "ALLOWED", {})
    monkeypatch.setattr(tidy.exceptions, "HEADER_ELSEWHERE",
                        {"cli/x.cc": "cli/gone.h", "cli/y.cc": "cli/y.h"})
    tree = tidy.Tree({"cli/x.cc": "", "cli/y.cc": "", "cli/y.h": ""})
    found = tidy.findings(tree, [tidy.stale_exceptions])
    assert len(found) == 2
    assert "one is not there" in found[0] and "take it out" in found[1]


def test_an_exception_for_a_file_that_is_gone_is_found(monkeypatch):
    monkeypatch.setattr(tidy.exceptions, "NO_UNIT_TEST", {"worker/gone.cc": "reason"})
    monkeypatch.setattr(tidy.exceptions, "ALLOWED", {})
    monkeypatch.setattr(tidy.exceptions, "HEADER_ELSEWHERE", {})
    tree = tidy.Tree({"worker/here.cc": ""})
    assert tidy.findings(tree, [tidy.stale_exceptions]) == [
        "tests/tidy/exceptions.py:1: worker/gone.cc is no longer there"
    ]
