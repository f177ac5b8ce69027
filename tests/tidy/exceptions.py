# SPDX-License-Identifier: Apache-2.0
"""Where a rule of tidy.py does not hold, and why. A path without a file is an error.

Keys are paths from the root; one that ends with "/" means everything below it.
"""

# Rule -> path -> reason.
ALLOWED = {
    "fork": {
        "base/run_program.cc": "runs a program to its end, for the tools and for "
                               "gunicorn.conf.py",
        "master/linux_kernel.cc": "the master's one door to the kernel",
        "worker/zygote.cc": "a zygote is there to fork",
        "worker/python/": "Application::fork, with what the interpreter needs around it",
        "worker/native/": "Application::fork",
    },
    "signal process": {
        "base/run_program.cc": "ends what it started and hangs, by pidfd",
        "master/linux_kernel.cc": "the master's one door to the kernel",
    },
    "wait for process": {
        "base/run_program.cc": "of what it started",
        "master/linux_kernel.cc": "the master's one door to the kernel",
        "worker/zygote.cc": "reaps the middle process of the double fork",
    },
    "signal handler": {
        "worker/worker.cc": "SIGTERM to one worker asks for its replacement",
    },
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
    "master/exporter_host.cc": "tests/process/test_metrics.py, with the real exporter",
    "metrics/exporter.cc": "tests/process/test_metrics.py",
    "metrics/http_server.cc": "tests/process/test_metrics.py",
    "metrics/main.cc": "tests/process/test_metrics.py",
    "metrics/manual.cc": "config_docs_test.cc",
    "master/inherit.cc": "tests/process passes sockets as systemd does",
    "master/linux_kernel.cc": "tests/process and tests/faults",
    "master/serve.cc": "tests/process",
    "master/server.cc": "connects loop and fleet, no rules of its own: tests/process",
    "master/server_requests.cc": "signals and orders: tests/process",
    "worker/native/": "tests/process and tests/http host native applications",
    "worker/python/": "tests/python drives the extension from Python",
    "worker/local_request.cc": "tests/process: warm_up",
    "worker/zygote.cc": "tests/python and tests/process",
    "cli/check.cc": "process tests of monodon check: it becomes the importer by exec",
    "cli/environment.cc": "command_line_test.cc, together with the command line",
    "cli/generate.cc": "config_docs_test.cc has the texts that it prints",
    "master/gunicorn_flags.cc": "command_line_test.cc tries every row",
    "cli/help_format.cc": "command_line_test.cc reads the help",
    "cli/doctor_application.cc": "doctor_test.cc plants every finding",
    "cli/doctor_machine.cc": "doctor_test.cc",
    "cli/doctor_nginx.cc": "doctor_test.cc",
    "cli/doctor_probe.cc": "doctor_test.cc",
    "cli/doctor_socket.cc": "doctor_test.cc",
    "cli/doctor_systemd.cc": "doctor_test.cc, and tests/process/test_doctor.py",
    "cli/doctor_units.cc": "doctor_test.cc",
    "cli/init.cc": "tests/process/test_init.py",
    "cli/run_doctor.cc": "tests/process/test_doctor.py",
    "cli/site_commands.cc": "command_line_test.cc, tests/process",
    "cli/import_unit.cc": "import_test.cc",
    "cli/run_import.cc": "tests/process/test_import.py",
    "cli/reload.cc": "tests/process: reload",
    "cli/main.cc": "every process test",
    "cli/serve.cc": "every process test",
    "cli/settings_options.cc": "command_line_test.cc",
    "master/config_manual.cc": "config_docs_test.cc",
    "master/install_paths.cc": "interpreter_test.cc",
    "master/settings_rows_process.cc": "settings_table_test.cc walks the rows",
    "master/settings_rows_request.cc": "settings_table_test.cc walks the rows",
    "master/settings_value.cc": "settings_table_test.cc, with every kind of setting",
    "worker/acceptor.cc": "worker_test, and tests/faults: out of descriptors",
    "worker/access_writer.cc": "worker_test, and tests/process: reopened logs",
    "worker/balance.cc": "tests/process: connections of one worker spread",
    "worker/drain.cc": "worker_test: how a worker leaves",
    "worker/exchange.cc": "worker_test and tests/http: every response goes through it",
    "worker/keeper.cc": "worker_test, and tests/process: deadlines",
    "worker/keeper_outputs.cc": "tests/faults: clients that read slowly",
    "worker/loop.cc": "worker_test: every request goes through it",
    "base/memory.cc": "adds up what /proc says of this process",
    "worker/reader.cc": "worker_test and tests/http: requests in pieces",
    "worker/serve.cc": "worker_test: every request goes through it",
    "worker/spool_file.cc": "output_test and body_spool_test",
    "worker/boot.cc": "every zygote of the process tests reads what the master wrote",
    # Parts of something that is tested as a whole.
    "base/passed_fds.cc": "wire_test passes descriptors",
    "cli/status.cc": "server_status_test.cc has its parts",
    "cli/status_json.cc": "server_status_test.cc",
    "cli/slot_text.cc": "server_status_test.cc, by the texts made with it",
    "cli/status_text.cc": "server_status_test.cc",
    "cli/terminal.cc": "tests/process: test_top, on a pseudo-terminal",
    "cli/top.cc": "tests/process: test_top",
    "cli/trace.cc": "tests/process: test_trace",
    "base/log_format.cc": "log_test reads each format",
    "master/chronicle.cc": "tests/process and tests/faults read its lines",
    "master/nursery.cc": "part of the fleet: fleet_test",
    "master/oom_watch.cc": "needs a cgroup that runs out of memory",
    "master/pool.cc": "part of the fleet: fleet_test",
    "master/pool_view.cc": "part of the fleet: fleet_test",
    "master/proposal.cc": "tests/process: every start drafts one",
}
