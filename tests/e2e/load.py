# SPDX-License-Identifier: Apache-2.0
"""Runs inside the machine: asks for a page, again and again, each time on a new
connection, until stdin closes. Prints what came, as JSON. Says "begun" first. usage: load.py PORT"""

import collections
import http.client
import json
import sys
import threading
import time

stop = threading.Event()
seen = collections.Counter()
slowest = 0.0
lock = threading.Lock()


def ask():
    global slowest
    while not stop.is_set():
        begin = time.monotonic()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
            connection.request("GET", "/whales/narwhal/")
            response = connection.getresponse()
            right = b"Monodon monoceros" in response.read()
            result = str(response.status) if right else f"{response.status}, wrong body"
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            result = repr(error)
        with lock:
            seen[result] += 1
            slowest = max(slowest, time.monotonic() - begin)
            if sum(seen.values()) == 20:
                print("begun", flush=True)


threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
print(json.dumps({"seen": seen, "slowest": slowest}))
