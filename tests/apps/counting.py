# SPDX-License-Identifier: Apache-2.0
"""Metrics of each kind that prometheus_client has for several processes, used in each way
that its manual shows.

As an application it does what ?n=N says and answers with its pid. Run as a program it
does the same for each line of its input, in prometheus_client's own multiprocess mode.
"""

import os
import random
import sys
import urllib.parse

if __name__ != "__main__":
    import monodon.prometheus  # noqa: F401
from prometheus_client import Counter, Gauge, Histogram, Summary

HITS = Counter("hits", "Hits\nof a \"site\" \\", ["method", "path"])
PLAIN = Counter("plain", "Without labels", namespace="shop", subsystem="cart", unit="items")
FAILED = Counter("failed", "Exceptions")
SIZES = Histogram("sizes", "Sizes", ["kind"], buckets=(1, 2.5, 5, 1e6))
TIMES = Histogram("times_seconds", "Times")
LATENCY = Summary("latency_seconds", "Latency", ["view"])
BUSY = Gauge("busy", "In progress", multiprocess_mode="livesum")
MODES = ["all", "liveall", "sum", "livesum", "min", "livemin", "max", "livemax",
         "mostrecent", "livemostrecent"]
GAUGES = {mode: Gauge("gauge_" + mode, "Mode " + mode, ["room"], multiprocess_mode=mode)
          for mode in MODES}
AT_IMPORT = Gauge("at_import", "Set by import", multiprocess_mode="max")
AT_IMPORT.set(3)


@FAILED.count_exceptions()
def fail():
    raise ValueError


@BUSY.track_inprogress()
@TIMES.time()
def work():
    pass


def act(number):
    choose = random.Random(number)
    HITS.labels("GET", choose.choice(["/", "/a\\b", '/"c"', "/é"])).inc()
    PLAIN.inc(choose.choice([0, 1, 0.5, 17]), exemplar={"id": str(number)})
    SIZES.labels(kind=choose.choice(["in", "out"])).observe(choose.choice([0.5, 1, 3, 7, 1e9]))
    LATENCY.labels("v").observe(choose.randrange(100))
    with LATENCY.labels(view="timed").time():
        pass
    try:
        fail()
    except ValueError:
        pass
    work()
    for gauge in GAUGES.values():
        one = gauge.labels(room=choose.choice(["hall", "attic"]))
        step = choose.randrange(4)
        if step == 0 and "recent" not in gauge._multiprocess_mode:
            one.inc(choose.randrange(9))
        elif step == 1 and "recent" not in gauge._multiprocess_mode:
            one.dec(choose.randrange(9))
        else:
            one.set(choose.randrange(-50, 50))


def application(environ, start_response):
    asked = urllib.parse.parse_qs(environ["QUERY_STRING"])
    act(int(asked["n"][0]))
    said = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]


if __name__ == "__main__":
    print("here", flush=True)
    for line in sys.stdin:
        act(int(line))
        print("done", flush=True)
