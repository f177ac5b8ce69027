# SPDX-License-Identifier: Apache-2.0
"""Load as a Service of Kubernetes sends it: each request to one of the endpoints that are known,
on a connection of its own, and never tried again. What has changed is known late, as everywhere.

    with Balanced(file) as load:    # a JSON list of [host, port], which the test replaces
        ...
    assert not load.report["errors"]

Runs alone as well, with a JSON object of options: prints "begun" once answers come, and its
report when its standard input ends."""

import collections
import hashlib
import http.client
import json
import random
import re
import subprocess
import sys
import threading
import time

OPTIONS = {
    "file": "",          # of the endpoints
    "clients": 8,
    "pause": 0.03,       # seconds between two requests of a client
    "wait": 0.0,         # seconds that the application is asked to take
    "late": 1.0,         # seconds between two looks at the file
    "timeout": 20.0,
}
BODY = re.compile(rb"(\d+) (\d+) ([A-Z]+) (\d+) ([0-9a-f]{40})\n")


class Load:
    def __init__(self, options):
        self.options = options
        self.endpoints, self.stopping = [], False
        self.lock = threading.Lock()
        self.answers, self.errors = collections.Counter(), collections.Counter()
        self.first, self.hosts, self.slowest, self.number = [], collections.Counter(), 0.0, 0

    def follow(self):
        while not self.stopping:
            with open(self.options["file"], encoding="utf-8") as file:
                self.endpoints = json.load(file)
            time.sleep(self.options["late"])

    def ask(self):
        with self.lock:
            self.number += 1
            number = self.number
        host, port = random.choice(self.endpoints)
        body = bytes([65 + number % 26]) * (number % 5000) if number % 3 == 0 else b""
        begun = time.monotonic()
        try:
            connection = http.client.HTTPConnection(host, port,
                                                    timeout=self.options["timeout"])
            connection.request("POST" if body else "GET",
                               f"/?n={number}&wait={self.options['wait']}", body or None)
            answer = connection.getresponse()
            said, status = answer.read(), answer.status
            connection.close()
            right = BODY.fullmatch(said)
            if status != 200:
                problem = f"status {status}"
            elif not right or (int(right[4]), right[5].decode()) != (
                    number, hashlib.sha1(body).hexdigest()):
                problem = "wrong body"
            else:
                problem = ""
        except (OSError, http.client.HTTPException) as error:
            problem = repr(error)
        took = time.monotonic() - begun
        with self.lock:
            self.slowest = max(self.slowest, took)
            if problem:
                self.errors[problem] += 1
                self.first.append(f"{time.time():.2f} {host}:{port} after {took:.2f} s: {problem}")
                return
            self.answers[int(right[1])] += 1
            self.hosts[f"{host}:{port}"] += 1
            if self.answers.total() == 20:
                print("begun", flush=True)

    def client(self):
        while not self.stopping:
            if self.endpoints:
                self.ask()
            time.sleep(self.options["pause"])

    def run(self):
        threads = [threading.Thread(target=self.client) for _ in range(self.options["clients"])]
        threading.Thread(target=self.follow, daemon=True).start()
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self.stopping = True
        for thread in threads:
            thread.join()
        return {"requests": self.number, "answers": self.answers, "errors": self.errors,
                "first": self.first[:20], "hosts": self.hosts, "slowest": round(self.slowest, 3)}


class Balanced:
    """The above as a child of a test. `command`: how to run this file elsewhere."""

    def __init__(self, file, command=(sys.executable, __file__), **options):
        self.command = [*command, json.dumps({"file": str(file)} | options)]
        self.report = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "begun\n"
        return self

    def __exit__(self, *_):
        rest, _ = self.process.communicate(timeout=60)
        self.report = json.loads(rest)
        print(self.report)


if __name__ == "__main__":
    print(json.dumps(Load(OPTIONS | json.loads(sys.argv[1])).run()))
