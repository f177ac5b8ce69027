# SPDX-License-Identifier: Apache-2.0
"""Why a framework answers a rehearsed request with 5xx: it has handled the exception by then,
and told nobody but its signals and the log. Only in the process that rehearses.
"""

import logging
import sys


class Causes(logging.Handler):
    """The exception that was told last, while a request runs."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.last = None
        logging.getLogger().addHandler(self)
        if signals := sys.modules.get("django.core.signals"):
            signals.got_request_exception.connect(self.note, weak=False)

    def emit(self, record):
        self.last = (record.exc_info or (None, None))[1] or self.last

    def note(self, sender, **_):  # noqa: ARG002 (signals pass by name)
        self.last = sys.exc_info()[1] or self.last


def raising(application):
    """The application, raising what it answers with 5xx and has told of."""
    causes = Causes()

    def rehearsed(environ, start_response):
        causes.last, statuses = None, []

        def note_status(status, *more):
            statuses[:] = [status]
            return start_response(status, *more)
        body = application(environ, note_status)
        if causes.last is None or not statuses or not statuses[0].startswith("5"):
            return body
        if hasattr(body, "close"):
            body.close()
        raise causes.last
    return rehearsed
