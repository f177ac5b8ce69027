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
    "file length": {},
    "function length": {},
}

# Sources without tests/unit/NAME_test.cc, and what tests them instead.
NO_UNIT_TEST = {
    "worker/boot.cc": "every zygote of the process tests reads what the master wrote",
}
