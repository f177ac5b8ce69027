# SPDX-License-Identifier: Apache-2.0
"""What is measured. Each scenario runs every server, in turns, several rounds."""

from dataclasses import dataclass, field


@dataclass
class Scenario:
    name: str
    title: str
    module: str = "hello"
    via: str = "direct"  # or nginx, nginx-kept (upstream keepalive 32)
    kept: bool = False  # the load generator keeps its connections
    workers: int = 2
    threads: int = 1
    load: dict = field(default_factory=dict)  # options of bench/load
    quick: bool = False
    only_ours: bool = False
    only_threaded: bool = False
    with_raw: bool = True

    def options(self, seconds, warm_up=False):
        words = ["-d", str(seconds if warm_up else self.load.get("seconds", seconds))]
        for key, value in self.load.items():
            if key == "vary":
                words.append("--vary")
            elif key != "seconds":
                words += [f"--{key}", str(value)]
        if self.kept or self.via != "direct":
            words.append("-k")
        return words


SLOW = {"connections": 400, "rate": 100, "slow-path": "/sleep", "slow-percent": 5, "seconds": 6}
BURN = {"connections": 400, "rate": 200, "slow-path": "/burn", "slow-percent": 5, "seconds": 4}
FAST = {"connections": 64}

SCENARIOS = [
    Scenario("hello", "hello, a connection per request", load=FAST, quick=True),
    Scenario("hello-kept", "hello, keep-alive", kept=True, load=FAST, quick=True),
    Scenario("hello-vary", "hello, varying requests, a connection per request",
             load=FAST | {"vary": True}),
    Scenario("hello-vary-kept", "hello, varying requests, keep-alive", kept=True,
             load=FAST | {"vary": True}, quick=True),
    Scenario("hello-nginx", "hello through nginx, no upstream keep-alive", via="nginx",
             load=FAST),
    Scenario("hello-nginx-kept", "hello through nginx, upstream keep-alive 32",
             via="nginx-kept", load=FAST),
    Scenario("django", "Django, a connection per request", module="whales", with_raw=False,
             load={"connections": 16}, quick=True),
    Scenario("django-kept", "Django, keep-alive", module="whales", kept=True, with_raw=False,
             load={"connections": 16}),
    Scenario("django-nginx", "Django through nginx, no upstream keep-alive", module="whales",
             via="nginx", with_raw=False, load={"connections": 16}),
    Scenario("django-nginx-kept", "Django through nginx, upstream keep-alive 32",
             module="whales", via="nginx-kept", with_raw=False, load={"connections": 16}),
    Scenario("mixed", "mixed (5 % sleep 200 ms), 4 threads, open loop 100/s", threads=4,
             with_raw=False, only_threaded=True, load=SLOW),
    Scenario("mixed-kept", "mixed (5 % sleep 200 ms), 4 threads, keep-alive, 100/s",
             threads=4, kept=True, with_raw=False, only_threaded=True, load=SLOW),
    Scenario("mixed-1", "mixed (5 % sleep 200 ms), 1 thread, open loop 100/s",
             with_raw=False, load=SLOW),
    Scenario("mixed-1-kept", "mixed (5 % sleep 200 ms), 1 thread, keep-alive, 100/s",
             kept=True, with_raw=False, load=SLOW),
    Scenario("burn", "mixed-CPU (5 % burn 50 ms), 4 threads, open loop 200/s", threads=4,
             with_raw=False, only_threaded=True, load=BURN),
    Scenario("burn-kept", "mixed-CPU (5 % burn 50 ms), 4 threads, keep-alive, 200/s",
             threads=4, kept=True, with_raw=False, only_threaded=True, load=BURN),
    Scenario("large", "response of 1 MB", with_raw=False,
             load={"connections": 8, "path": "/large"}),
    Scenario("upload", "upload of 1 MB", with_raw=False,
             load={"connections": 8, "path": "/upload", "body": 1_000_000}),
    Scenario("file", "wsgi.file_wrapper, 1 MB", with_raw=False,
             load={"connections": 8, "path": "/file"}),
    *[Scenario(f"workers-{n}", f"hello, keep-alive, {n} workers", workers=n, kept=True,
               only_ours=True, load=FAST) for n in (1, 2, 4, 8, 16, 32)],
]
