# SPDX-License-Identifier: Apache-2.0
"""pre_request(worker, req) and post_request(worker, req, environ, resp) of a
gunicorn.conf.py, around the application. Worker, any application thread. An application
without these hooks is not wrapped.
"""

import inspect
import time
from urllib.parse import unquote_to_bytes

from _monodon_gunicorn_standin import Missing, StandIn


class Request(StandIn):
    """Gunicorn's, as hooks read it. Made of the environ."""

    def __init__(self, cfg, environ, number):
        super().__init__()
        self.cfg = cfg
        self.method = environ["REQUEST_METHOD"]
        self.uri = environ.get("RAW_URI", "")
        target, _, self.query = self.uri.partition("?")
        self.path = target
        self.fragment = ""
        digits = environ["SERVER_PROTOCOL"].rpartition("/")[2].split(".")
        self.version = tuple(int(digit) for digit in digits)
        self.headers = [(name[len("HTTP_"):].replace("_", "-"), value)
                        for name, value in environ.items() if name.startswith("HTTP_")]
        self.headers += [(name.replace("_", "-"), environ[name])
                         for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)]
        self.trailers = []
        self.body = environ["wsgi.input"]
        self.scheme = environ["wsgi.url_scheme"]
        address = environ.get("REMOTE_ADDR", "")
        if not address and environ.get("monodon.rehearsal") and _listens_on_ports(cfg):
            address = "127.0.0.1"  # nobody, but hooks take the pair apart
        self.remote_addr = self.peer_addr = address and (  # "" on a Unix socket
            address, int(environ.get("REMOTE_PORT") or 0))
        self.proxy_protocol_info = None
        self.req_number = number
        if cfg:
            self.limit_request_line = cfg.limit_request_line
            self.limit_request_fields = cfg.limit_request_fields
            self.limit_request_field_size = cfg.limit_request_field_size
        self.must_close = False
        self.started = time.monotonic()

    def force_close(self):
        self.must_close = True

    def should_close(self):
        return self.must_close

    def put_into(self, environ, before):
        """What a hook has changed: Gunicorn makes the environ after it. before: parts() then."""
        now = self.parts()
        if now == before:
            return
        for name, value in dict(now[0]).items():
            if (name, value) not in before[0]:
                key = name.upper().replace("-", "_")
                plain = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
                environ[key if plain else f"HTTP_{key}"] = value
        gone = dict(before[0]).keys() - dict(now[0]).keys()
        for name in gone:
            environ.pop(f"HTTP_{name.replace('-', '_')}", None)
        (_, environ["REQUEST_METHOD"], environ["QUERY_STRING"], environ["wsgi.url_scheme"],
         environ["RAW_URI"], _) = now
        if self.path != before[5]:
            path = unquote_to_bytes(self.path).decode("latin-1")
            environ["PATH_INFO"] = path.removeprefix(environ.get("SCRIPT_NAME", ""))

    def parts(self):
        return list(self.headers), self.method, self.query, self.scheme, self.uri, self.path


class Response(StandIn):
    """Gunicorn's, as hooks read it."""

    def __init__(self, req, cfg):
        super().__init__()
        self.req = req
        self.cfg = cfg
        self.version = None
        self.status = None
        self.status_code = None
        self.headers = []
        self.headers_sent = False
        self.response_length = None
        self.sent = 0
        self.chunked = False
        self.must_close = False
        self.upgrade = False

    def should_close(self):
        return self.must_close or self.req.should_close()

    def is_chunked(self):
        return self.chunked

    def begin(self, status, headers):
        self.status = status
        self.status_code = int(status[:3])
        self.headers = list(headers)
        for name, value in headers:
            if name.lower() == "content-length":
                self.response_length = int(value)
        self.chunked = self.response_length is None


class _Answer:
    """The application's iterable, and what follows its end."""

    def __init__(self, result, response, done):
        self._blocks = iter(result)
        self._result = result
        self._response = response
        self._done = done

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self._blocks)
        self._response.headers_sent = True
        self._response.sent += len(block)
        return block

    def close(self):
        try:
            if close := getattr(self._result, "close", None):
                close()
        finally:
            self._done()


def _listens_on_ports(cfg):
    return cfg is not None and any(isinstance(address, tuple) for address in cfg.address)


def _arity(function):
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 4
    return sum(kind in positional for kind in kinds)


def wrap(application, pre_request, post_request, worker_of, log, access=None):
    """worker_of(): Gunicorn's worker. A hook that is None is not called, and an access log
    that is None is the server's alone."""
    count = _arity(post_request) if post_request else 0
    told = set()  # hooks that want something of Gunicorn alone

    def before(worker, req, environ):
        parts = req.parts()
        try:
            pre_request(worker, req)
        except Missing as error:
            if "pre_request" not in told:
                told.add("pre_request")
                log.warning(f"pre_request was left at: {error}")
        req.put_into(environ, parts)

    def after(worker, req, environ, resp, began):
        if began:
            access(resp, req, environ, began)
        if not post_request:
            return
        try:
            post_request(*(worker, req, environ, resp)[:count])
        except Exception:
            log.exception("Exception in post_request hook")

    def around(environ, start_response):
        worker = worker_of()
        req = Request(worker.cfg, environ, worker.nr + 1)
        if not post_request and not access:
            before(worker, req, environ)
            worker.nr += 1  # as there: a request that pre_request refuses does not count
            return application(environ, start_response)
        began = access and not environ.get("monodon.rehearsal") and access.begin()
        resp = Response(req, worker.cfg)

        def start(status, headers, *exc_info):
            write = start_response(status, headers, *exc_info)
            resp.begin(status, headers)
            return write

        try:
            if pre_request:
                before(worker, req, environ)
            worker.nr += 1
            result = application(environ, start)
        except BaseException:
            if began:
                failed = Response(req, worker.cfg)
                failed.begin("500 Internal Server Error", [])
                access(failed, req, environ, began)
            after(worker, req, environ, resp, None)
            raise
        return _answer(result, environ, resp, lambda: after(worker, req, environ, resp, began))

    around.__wrapped__ = application
    return around


def _answer(result, environ, resp, done):
    if type(result) is not environ["wsgi.file_wrapper"]:
        return _Answer(result, resp, done)
    # What the server sends by itself stays as it is.
    closes = getattr(result, "close", None)

    def close():
        try:
            if closes:
                closes()
        finally:
            resp.headers_sent = True
            resp.sent = resp.response_length or 0
            done()

    result.close = close
    return result
