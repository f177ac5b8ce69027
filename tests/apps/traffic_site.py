# SPDX-License-Identifier: Apache-2.0
"""What tests/support/traffic.py asks: an answer that tells which code gave it, and that
is wrong if one byte of the request was."""

import hashlib
import os
import time
import urllib.parse


def application_of(version, delay=0.0):
    """Answers as `version`, a number, after `delay` seconds."""

    def application(environ, start_response):
        arguments = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
        told = hashlib.sha1(environ["wsgi.input"].read()).hexdigest()
        if wait := float(arguments.get("wait", delay)):
            time.sleep(wait)
        head = (f"{version} {os.getpid()} {environ['REQUEST_METHOD']} "
                f"{arguments.get('n')} {told}\n")
        body = head.encode() + b"x" * int(arguments.get("pad", 0))
        start_response("200 OK", [("Content-Type", "text/plain"),
                                  ("Content-Length", str(len(body)))])
        return [body]
    return application


application = application_of(1)
