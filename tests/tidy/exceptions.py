# SPDX-License-Identifier: Apache-2.0
"""Where a rule of tidy.py does not hold, and why. A path without a file is an error.

Keys are paths from the root; one that ends with "/" means everything below it.
"""

# Rule -> path -> reason.
ALLOWED = {
    "fork": {
        "master/linux_kernel.cc": "the master's one door to the kernel",
        "worker/zygote.cc": "a zygote is there to fork",
        "worker/python/": "Application::fork, with what the interpreter needs around it",
        "worker/native/": "Application::fork",
    },
    "signal process": {
        "master/linux_kernel.cc": "the master's one door to the kernel",
    },
    "wait for process": {
        "master/linux_kernel.cc": "the master's one door to the kernel",
        "worker/zygote.cc": "reaps the middle process of the double fork",
    },
    "signal handler": {},
    "sleep": {
        "worker/native/built_in.cc": "native:test is asked to be slow",
    },
    "file length": {},
    "function length": {},
}

# Sources without tests/unit/NAME_test.cc, and what tests them instead.
NO_UNIT_TEST = {
    "base/escape.cc": "log_test and access_log_test: nothing else escapes",
    "base/journal.cc": "a datagram to the journal: tests/process, tests/e2e",
    "base/log.cc": "tests/process reads the log of the real server",
    "base/log_file.cc": "tests/faults: pipes that nobody reads, full disks",
    "base/log_format.cc": "tests/process reads the log of the real server",
    "master/config_host.cc": "asks the machine for users, groups, paths: config_test",
    "master/nursery.cc": "part of the fleet: fleet_test",
    "master/pool.cc": "part of the fleet: fleet_test",
    "master/pool_view.cc": "part of the fleet: fleet_test",
    "master/settings_rows_process.cc": "rows of the table: settings_table_test",
    "master/settings_rows_request.cc": "rows of the table: settings_table_test",
    "worker/boot.cc": "every zygote of the process tests reads what the master wrote",
    "worker/http/chunked.cc": "second half of parser.h: parser_test",
    "worker/http/date.cc": "response_head_test",
    "worker/http/error_response.cc": "declared in response_head.h",
    "worker/http/request.cc": "parser_test looks fields up",
    "worker/http/request_line.cc": "part of the parser: parser_test",
    "worker/http/response_head.cc": "response_test",
    "worker/local_request.cc": "every request of tests/python goes through it",
    "worker/zygote.cc": "tests/python/test_zygote.py is its master",
    "worker/native/built_in.cc": "process tests ask it",
    "worker/native/main.cc": "tests/python/test_zygote.py starts it",
    "worker/native/native.cc": "tests/python/test_zygote.py starts it",
    "worker/python/answer.cc": "tests/python/test_response.py, test_files.py",
    "worker/python/application.cc": "tests/python: load, fork, threads",
    "worker/python/call.cc": "tests/python/test_response.py",
    "worker/python/callables.cc": "tests/python/test_response.py",
    "worker/python/environ.cc": "tests/python/test_environ.py",
    "worker/python/input.cc": "tests/python/test_input.py",
    "worker/python/module.cc": "tests/python loads it",
    "worker/python/py.cc": "tests/python/test_response.py reads tracebacks",
    "worker/python/testing.cc": "tests/python is made of it",
    "worker/python/stacks.cc": "tests/python/test_stacks.py",
}
