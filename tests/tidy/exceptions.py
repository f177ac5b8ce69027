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
    # Little but system calls: the suites with the real server run them.
    "master/config_host.cc": "asks the machine for users, groups and paths: config_test",
    "master/control.cc": "tests/process asks for status and reload",
    "master/identity.cc": "needs root to change anything: tests/process",
    "master/inherit.cc": "tests/process passes sockets as systemd does",
    "master/linux_kernel.cc": "tests/process and tests/faults",
    "master/listeners.cc": "tests/process binds every sort of address",
    "master/notify.cc": "tests/process reads what arrives at NOTIFY_SOCKET",
    "master/serve.cc": "tests/process",
    "master/server.cc": "connects loop and fleet, no rules of its own: tests/process",
    "master/server_requests.cc": "signals and orders: tests/process",
    "worker/native/": "tests/process and tests/http host native applications",
    "worker/python/": "tests/python drives the extension from Python",
    "worker/local_request.cc": "tests/process: warm_up",
    "worker/zygote.cc": "tests/python and tests/process",
    "worker/boot.cc": "every zygote of the process tests reads what the master wrote",
    # Parts of something that is tested as a whole.
    "base/log_format.cc": "log_test reads each format",
    "master/chronicle.cc": "tests/process and tests/faults read its lines",
    "master/nursery.cc": "part of the fleet: fleet_test",
    "master/obituary.cc": "tests/faults reads what is said of every death",
    "master/oom_watch.cc": "needs a cgroup that runs out of memory",
    "master/pool.cc": "part of the fleet: fleet_test",
    "master/pool_view.cc": "part of the fleet: fleet_test",
    "master/proposal.cc": "tests/process: every start drafts one",
    "master/settings_rows_process.cc": "rows of the table: settings_table_test",
    "master/settings_rows_request.cc": "rows of the table: settings_table_test",
    "worker/http/chunked.cc": "second half of parser.h: parser_test",
    "worker/http/date.cc": "tests/http: every response has one",
    "worker/http/error_response.cc": "tests/http: every refusal is one",
    "worker/http/request.cc": "parser_test looks fields up",
    "worker/http/request_line.cc": "part of the parser: parser_test",
    "worker/http/response_head.cc": "tests/http: what may not be sent",
}
