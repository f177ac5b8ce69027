# SPDX-License-Identifier: Apache-2.0
"""usage: python read_gunicorn.py ARGUMENTS...

Run by an interpreter that has Gunicorn: what it makes of a command line, of the
environment and of a file, as one JSON object; what it refuses, as a text in "refused".
"""

import io
import json
import sys
from contextlib import redirect_stderr

from gunicorn.app.wsgiapp import WSGIApplication

NAMES = ("accesslog", "access_log_format", "backlog", "bind", "errorlog",
         "forwarded_allow_ips", "graceful_timeout", "keepalive",
         "limit_request_field_size", "limit_request_fields", "limit_request_line",
         "max_requests", "max_requests_jitter", "pidfile", "preload_app", "pythonpath",
         "raw_env", "threads", "timeout", "umask", "workers")


def main():
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            application = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]")
            cfg = application.cfg
            answer = {name: getattr(cfg, name) for name in NAMES}
            answer |= {"application": application.app_uri, "loglevel": cfg.loglevel,
                       "directory": cfg.chdir}
    except SystemExit:
        answer = {"refused": said.getvalue()}
    print(json.dumps(answer))


main()
