#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of this repository that a compiler does not know. Each message says what to
write instead. usage: tidy.py [ROOT]; status 1 when something is found."""

import ast
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import cpp  # noqa: E402
import exceptions  # noqa: E402

# Room -> rooms that it may include, besides itself. Arrows run one way; a room that is
# not named here is part of the folder above it.
BASE = ["base", "base/text", "base/net", "base/files", "base/machine", "base/process"]
ARROWS = {
    "base": [],
    "base/text": ["base"],
    "base/net": ["base", "base/text"],
    "base/files": ["base", "base/text", "base/net"],
    "base/machine": ["base", "base/text"],
    "base/process": ["base", "base/text", "base/net", "base/files", "base/machine"],
    "base/log": BASE,
    "scoreboard": BASE,
    "worker/wire": BASE,
    "worker/http": [*BASE, "worker/wire"],
    "worker/websocket": [*BASE, "worker/http"],
    "worker": [*BASE, "worker/wire", "worker/http"],
    "worker/access": [*BASE, "base/log", "worker/wire", "worker/http"],
    "worker/loop": [*BASE, "base/log", "scoreboard", "worker", "worker/wire", "worker/http",
                    "worker/websocket", "worker/access"],
    "worker/process": [*BASE, "base/log", "scoreboard", "worker", "worker/wire",
                       "worker/http", "worker/access", "worker/loop"],
    "worker/python": [*BASE, "base/log", "worker", "worker/wire", "worker/process"],
    "worker/python/wsgi": [*BASE, "base/log", "worker", "worker/wire", "worker/http",
                           "worker/python"],
    "worker/python/asgi": [*BASE, "base/log", "worker", "worker/wire", "worker/http",
                           "worker/python"],
    "worker/python/extension": [*BASE, "base/log", "scoreboard", "worker/wire", "worker/process",
                                "worker/python", "worker/python/wsgi", "worker/python/asgi"],
    "worker/native": [*BASE, "worker", "worker/wire", "worker/http", "worker/process"],
    "metrics/application": [*BASE, "base/log", "scoreboard"],
    "metrics/exposition": [*BASE, "scoreboard"],
    "metrics/http": BASE,
    "metrics/observation": [*BASE, "scoreboard", "metrics/application",
                            "metrics/exposition"],
    "metrics/page": [*BASE, "scoreboard", "metrics/http", "metrics/observation"],
    "metrics": [*BASE, "base/log", "scoreboard", "metrics/application",
                "metrics/exposition", "metrics/http", "metrics/observation", "metrics/page"],
    "master/config": [*BASE, "worker/wire", "worker/http", "worker/access"],
    "master/fleet": [*BASE, "worker/wire"],
    "master/system": [*BASE, "base/log", "scoreboard", "metrics/application", "worker/wire",
                      "master/fleet"],
    "master/handover": [*BASE, "base/log", "scoreboard", "worker/wire", "master/fleet",
                        "master/system"],
    "master/chronicle": [*BASE, "base/log", "scoreboard", "worker/wire", "worker/access",
                         "master/fleet", "master/system"],
    "master/reload": [*BASE, "base/log", "metrics/observation", "worker/access",
                      "master/config", "master/fleet", "master/system", "master/handover",
                      "master/chronicle"],
    "master/helpers": [*BASE, "base/log", "scoreboard", "metrics/application",
                       "metrics/observation", "worker/wire", "master/config",
                       "master/fleet", "master/system", "master/chronicle",
                       "master/reload"],
    "master": [*BASE, "base/log", "scoreboard", "metrics/observation", "worker/wire",
               "worker/access", "master/config", "master/fleet", "master/system",
               "master/handover", "master/chronicle", "master/reload", "master/helpers"],
    "cli/flags": [*BASE, "master/config"],
    "cli/live": [*BASE, "scoreboard", "metrics/observation", "master/config", "cli/flags"],
    "cli/site": [*BASE, "master/config", "cli/flags"],
    "cli/doctor": [*BASE, "master/config", "cli/flags", "cli/live", "cli/site"],
    "cli/watch": BASE,
    "cli/dev": [*BASE, "master", "master/config", "master/handover", "cli/flags"],
    "cli/line": [*BASE, "master/config", "cli/flags", "cli/live", "cli/site", "cli/doctor",
                 "cli/watch", "cli/dev"],
    "cli": [*BASE, "base/log", "metrics/exposition", "worker/wire", "master",
            "master/config", "master/handover", "cli/flags", "cli/live", "cli/line"],
}
TOPS = {room.split("/")[0] for room in ARROWS}
# Rooms that decide and parse, and never act: what is in them can be tried without a
# system. Types of addresses are no act; a call of <sys/socket.h> is.
PURE = ["master/fleet/", "worker/http/", "worker/websocket/"]
ACTING_HEADERS = re.compile(
    r"unistd\.h|fcntl\.h|poll\.h|sched\.h|spawn\.h|dlfcn\.h|fstream|filesystem|thread|"
    r"systemd/.*|sys/(?!types\.h|socket\.h|un\.h).*")
SOCKET_CALLS = ["socket", "socketpair", "bind", "listen", "accept", "accept4", "connect",
                "send", "sendto", "sendmsg", "recv", "recvfrom", "recvmsg", "shutdown",
                "getsockopt", "setsockopt", "getsockname", "getpeername"]
FILE_LINES = 400
FUNCTION_LINES = 70

# Rule, calls, folders it holds in ("" is all of production), what to do instead.
CALLS = [
    ("fork", ["fork", "vfork", "clone", "clone3", "posix_spawn", "posix_spawnp"], "",
     "go through master/fleet/kernel.h or Application::fork"),
    ("signal process", ["kill", "killpg", "tgkill", "pidfd_send_signal"], "",
     "go through master/fleet/kernel.h, which signals by pidfd"),
    ("wait for process", ["wait", "waitpid", "waitid", "wait3", "wait4"], "",
     "a pidfd in the event loop tells of ended children; master/system/linux_kernel.cc reaps"),
    ("sleep", ["sleep", "usleep", "nanosleep", "clock_nanosleep", "sleep_for",
               "sleep_until"], "", "wait for the event itself: epoll, the event loop, a timer"),
    ("exit", ["exit", "quick_exit"], "", "return from main, or _exit in a forked child"),
    ("number", ["atoi", "atol", "atoll", "strtol", "strtoll", "strtoul", "strtoull",
                "strtod", "stoi", "stol", "stoll", "stoul", "stoull", "sscanf"], "",
     "std::from_chars: no locale, no sign or space slips in, overflow is an error"),
    ("signal handler", ["signal", "sigaction"], "",
     "EventLoop::on_signal in the master; elsewhere list the file with a reason"),
    ("shell", ["system", "popen"], "", "exec with an argument vector"),
    ("unbounded", ["strcpy", "strcat", "sprintf", "vsprintf", "gets"], "",
     "std::string, fmt::format_to_n"),
    ("thread", ["pthread_create"], "master",
     "the master has one thread: what needs more is a process of its own"),
]
# Rule, pattern in code, folders, what to do instead.
PATTERNS = [
    ("scoreboard lock", r"\binterprocess_mutex\b|\bmanaged_shared_memory\b", "",
     "one writer for each row, atomics: a dead writer holds no lock"),
    ("shared_ptr", r"\bshared_ptr\b|\bmake_shared\b", "master",
     "the master's objects are a tree: unique_ptr or a member"),
    ("thread", r"\bstd::(jthread|thread|async)\b(?!::)", "master",
     "the master has one thread: what needs more is a process of its own"),
    ("close-on-exec", r"\bF_DUPFD\b", "", "F_DUPFD_CLOEXEC"),
]
# A library, and the only places that may include it.
LIBRARIES = [
    (r"yaml-cpp/", ["master/config/yaml.cc", "cli/site/compose_file.cc"]),
    (r"prometheus/", ["metrics/"]),
    (r"systemd/", []),
    (r"Python\.h", ["worker/python/"]),
    (r"boost/interprocess/", ["scoreboard/"]),
    (r"CLI/", ["cli/"]),
]
# Calls that make a descriptor: the argument that makes it close on exec.
MAKES_DESCRIPTOR = {
    "open": "O_CLOEXEC", "openat": "O_CLOEXEC", "socket": "SOCK_CLOEXEC",
    "socketpair": "SOCK_CLOEXEC", "accept4": "SOCK_CLOEXEC", "pipe2": "O_CLOEXEC",
    "eventfd": "EFD_CLOEXEC", "timerfd_create": "TFD_CLOEXEC",
    "signalfd": "SFD_CLOEXEC", "epoll_create1": "EPOLL_CLOEXEC",
    "memfd_create": "MFD_CLOEXEC", "dup3": "O_CLOEXEC", "mkostemp": "O_CLOEXEC",
    "inotify_init1": "IN_CLOEXEC", "recvmsg": "MSG_CMSG_CLOEXEC",
}
CANNOT_CLOSE = {
    "accept": "accept4", "pipe": "pipe2", "dup": "fcntl F_DUPFD_CLOEXEC", "creat": "open",
    "mkstemp": "mkostemp", "epoll_create": "epoll_create1", "inotify_init": "inotify_init1",
}
MARK = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
MACHINE = re.compile(r"(?<![\w.~$}/-])/(home|root|work|Users)/\w")


class Tree:
    """The files under test: path from the root -> text."""

    def __init__(self, files):
        self.files = files

    @classmethod
    def of(cls, root):
        found = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
            capture_output=True, text=True,
        )
        if found.returncode == 0:
            names = found.stdout.splitlines()
        else:  # an unpacked archive
            names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
            names = [n for n in names if not n.startswith(("build", "."))]
        files = {}
        for name in names:
            try:
                files[name] = (root / name).read_text()
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue
        return cls(files)

    def production(self):
        """(path, text) of our C++ sources that are installed."""
        for path, text in sorted(self.files.items()):
            if path.endswith((".cc", ".h")) and path.split("/")[0] in TOPS:
                yield path, text

    def code(self):
        for path, text in sorted(self.files.items()):
            if path.endswith((".cc", ".h", ".py")) or text.startswith("#!"):
                yield path, text


def covers(places, path):
    return any(path == p or p.endswith("/") and path.startswith(p) for p in places)


def allowed(rule, path):
    return covers(exceptions.ALLOWED.get(rule, {}), path)


def in_folder(path, folder):
    return not folder or path.startswith(folder + "/")


def room_of(path):
    folder = path.rpartition("/")[0]
    while folder and folder not in ARROWS:
        folder = folder.rpartition("/")[0]
    return folder


def include_arrows(tree):
    for path, text in tree.production():
        room = room_of(path)
        for match in re.finditer(r'(?m)^\s*#\s*include\s+"([^"]+)"', text):
            target = room_of(match[1])
            if not target:
                why = "include by path from the root"
            elif target != room and target not in ARROWS[room]:
                why = f"{room} must not know {target}; move what both need down"
            else:
                continue
            yield path, cpp.line_of(text, match.start()), f'"{match[1]}": {why}'


def pure_rooms(tree):
    for path, text in tree.production():
        if not path.startswith(tuple(PURE)):
            continue
        room = room_of(path)
        for match in re.finditer(r"(?m)^\s*#\s*include\s+<([^>]+)>", text):
            if ACTING_HEADERS.fullmatch(match[1]):
                yield (path, cpp.line_of(text, match.start()),
                       f"<{match[1]}>: {room} decides; what acts belongs to another room")
        for line, name, _ in cpp.calls(cpp.strip(text), SOCKET_CALLS):
            yield path, line, f"{name}(): {room} decides; what acts belongs to another room"


def libraries(tree):
    for path, text in tree.production():
        for match in re.finditer(r"(?m)^\s*#\s*include\s+[<\"]([^>\"]+)[>\"]", text):
            for library, places in LIBRARIES:
                if re.match(library, match[1]) and not path.startswith(tuple(places)):
                    yield (path, cpp.line_of(text, match.start()),
                           f"{match[1]} belongs in {' or '.join(places)} alone")


def banned_calls(tree):
    for path, text in tree.production():
        code = cpp.strip(text)
        for rule, names, folder, instead in CALLS:
            if in_folder(path, folder) and not allowed(rule, path):
                for line, name, given in cpp.calls(code, names):
                    if rule == "signal handler" and re.search(r"SIG_(IGN|DFL)", given):
                        continue  # no handler
                    yield path, line, f"{name}() ({rule}): {instead}"


def banned_patterns(tree):
    for path, text in tree.production():
        code = cpp.strip(text)
        for rule, pattern, folder, instead in PATTERNS:
            if in_folder(path, folder) and not allowed(rule, path):
                for match in re.finditer(pattern, code):
                    yield path, cpp.line_of(code, match.start()), f"{match[0]}: {instead}"


def close_on_exec(tree):
    for path, text in tree.production():
        if allowed("close-on-exec", path):
            continue
        code = cpp.strip(text)
        for line, name, given in cpp.calls(code, MAKES_DESCRIPTOR):
            # Flags may have a name: `constexpr int kFlags = ... | O_CLOEXEC`.
            named = re.findall(r"(\w+)\s*=[^;=]*CLOEXEC[^;]*;", code)
            if "CLOEXEC" not in given and not set(named) & set(re.findall(r"\w+", given)):
                yield path, line, f"{name}() without {MAKES_DESCRIPTOR[name]}"
        for line, name, _ in cpp.calls(code, CANNOT_CLOSE):
            yield path, line, f"{name}() leaks into children: {CANNOT_CLOSE[name]}"


def headers(tree):
    for path, text in tree.production():
        if not path.endswith(".h"):
            continue
        code = cpp.strip(text)
        if "#pragma once" not in code:
            yield path, 1, "#pragma once is missing"
        for match in re.finditer(r"\busing\s+namespace\b", code):
            line = cpp.line_of(code, match.start())
            yield path, line, "using namespace reaches every includer: write the name out"


def marks(tree):
    for path, text in tree.files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if found := MARK.search(line):
                yield path, number, f"{found[0]}: finish it, or open an issue"


def machine_paths(tree):
    for path, text in tree.files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if found := MACHINE.search(line):
                yield path, number, f"{found[0]}...: a path of somebody's own machine"


def licence(tree):
    for path, text in tree.code():
        if text.strip() and "SPDX-License-Identifier: Apache-2.0" not in text[:200]:
            yield path, 1, "SPDX-License-Identifier: Apache-2.0 belongs in the first lines"


def file_length(tree):
    for path, text in tree.code():
        lines = text.count("\n")
        if lines > FILE_LINES and not allowed("file length", path):
            yield path, lines, f"{lines} lines (limit {FILE_LINES}): split by purpose"


def function_length(tree):
    for path, text in tree.code():
        if allowed("function length", path):
            continue
        for first, lines in function_sizes(path, text):
            if lines > FUNCTION_LINES:
                yield (path, first,
                       f"function of {lines} lines (limit {FUNCTION_LINES}): name its parts")


def function_sizes(path, text):
    if path.endswith((".cc", ".h")):
        return [(first, lines) for first, lines, _ in cpp.functions(cpp.strip(text))]
    if not path.endswith(".py"):
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    return [(node.lineno, node.end_lineno - node.lineno + 1) for node in found]


def purpose(tree):
    """A source says in its second line what it is for."""
    for path, text in tree.production():
        if path.endswith(".cc") and not re.match(r"// .*\n(?:// .*\n)*?// .*[.:]\n", text):
            yield path, 2, "a sentence of purpose belongs below the licence"


def own_headers(tree):
    """What a source offers stands in the header of its name, where one looks for it."""
    for path, _ in tree.production():
        if not path.endswith(".cc") or path[:-3] + ".h" in tree.files:
            continue
        if not path.endswith("/main.cc") and path not in exceptions.HEADER_ELSEWHERE:
            yield (path, 1, f"{path[:-3]}.h is missing (tests/tidy/exceptions.py lists "
                            "what stands in another header)")


def unit_test_of(path):
    """Tests lie as their sources do: master/fleet/pool.cc, tests/unit/master/fleet/..."""
    return "tests/unit/" + path.removesuffix(".cc") + "_test.cc"


def unit_tests(tree):
    """A source has a unit test of its name, or one that includes its header."""
    tests = {p: t for p, t in tree.files.items() if p.startswith("tests/unit/")}
    included = {name for t in tests.values() for name in re.findall(r'#include "(.*)"', t)}
    for path, _ in tree.production():
        if not path.endswith(".cc") or covers(exceptions.NO_UNIT_TEST, path):
            continue
        if unit_test_of(path) in tests or path[:-3] + ".h" in included:
            continue
        yield path, 1, f"no {unit_test_of(path)} (tests/tidy/exceptions.py lists others)"


def stale_exceptions(tree):
    places = [p for rule in exceptions.ALLOWED.values() for p in rule]
    for place in [*places, *exceptions.NO_UNIT_TEST]:
        if not any(path.startswith(place) for path in tree.files):
            yield "tests/tidy/exceptions.py", 1, f"{place} is no longer there"
    for path, header in exceptions.HEADER_ELSEWHERE.items():
        if path not in tree.files or header not in tree.files:
            yield "tests/tidy/exceptions.py", 1, f"{path}, {header}: one is not there"
        elif path[:-3] + ".h" in tree.files:
            yield "tests/tidy/exceptions.py", 1, f"{path} has its header: take it out"
    for path in exceptions.NO_UNIT_TEST:
        if unit_test_of(path) in tree.files and path[-1] != "/":
            yield "tests/tidy/exceptions.py", 1, f"{path} has its test: take it out"


RULES = [include_arrows, pure_rooms, libraries, banned_calls, banned_patterns, close_on_exec, headers,
         marks, machine_paths, licence, file_length, function_length, purpose, own_headers,
         unit_tests, stale_exceptions]


def findings(tree, rules=RULES):
    return [f"{path}:{line}: {what}" for rule in rules for path, line, what in rule(tree)]


if __name__ == "__main__":
    here = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    report = findings(Tree.of(here.resolve()))
    print("\n".join(report))
    sys.exit(1 if report else 0)
