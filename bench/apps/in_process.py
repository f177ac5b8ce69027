# SPDX-License-Identifier: Apache-2.0
"""usage: in_process.py MODULE SECONDS

CPU microseconds of one call of MODULE.application without any server: what remains is
the application's own. The environ is that of Monodon for the request of bench/load.
"""

import importlib
import io
import sys
import time

ENVIRON = {
    "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
    "RAW_URI": "/", "REQUEST_URI": "/", "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "www.example.com", "SERVER_PORT": "443", "REMOTE_ADDR": "203.0.113.195",
    "SERVER_SOFTWARE": "none", "REQUEST_ID": "7f1c9a52d0b14fe18dcb6c1e0c5f8a13",
    "wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.errors": sys.stderr,
    "wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
    "HTTP_HOST": "www.example.com", "HTTP_X_FORWARDED_FOR": "203.0.113.195",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_REQUEST_ID": "7f1c9a52d0b14fe18dcb6c1e0c5f8a13",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.5", "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
    "HTTP_REFERER": "https://www.example.com/catalogue/books/",
    "HTTP_COOKIE": "csrftoken=aXq2mZ0vT1; sessionid=0123456789abcdef0123456789",
    "HTTP_UPGRADE_INSECURE_REQUESTS": "1", "HTTP_CONNECTION": "close",
}


def start_response(status, headers, exc_info=None):
    return None


def main(module, seconds):
    application = importlib.import_module(module).application
    calls = 0
    begin = time.process_time_ns()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(20):
            result = application(ENVIRON | {"wsgi.input": io.BytesIO()}, start_response)
            b"".join(result)
            if hasattr(result, "close"):
                result.close()
        calls += 20
    print((time.process_time_ns() - begin) / calls / 1000)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
