# SPDX-License-Identifier: Apache-2.0
"""What an application finds in environ (PEP 3333, and what Gunicorn's users know)."""

import os

import pytest


class Keep:
    """An application that keeps the environ of its last request."""

    def __call__(self, environ, start_response):
        self.environ = dict(environ)
        self.type = type(environ)
        start_response("200 OK", [])
        return [b""]


@pytest.fixture
def environ(site):
    def ask(head_lines, body=b"", **changes):
        application = Keep()
        site(application, **changes).raw(
            "\r\n".join(head_lines).encode("latin-1") + b"\r\n\r\n", body
        )
        assert application.type is dict
        return application.environ

    return ask


def test_a_plain_request_has_every_key_and_no_more(environ):
    found = environ(["GET /a%20b/%E9?x=1&y=%20 HTTP/1.1", "Host: example.org"])
    for key in ("wsgi.input", "wsgi.errors", "wsgi.file_wrapper"):
        assert found.pop(key) is not None
    assert found == {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "REQUEST_METHOD": "GET",
        "RAW_URI": "/a%20b/%E9?x=1&y=%20",
        "REQUEST_URI": "/a%20b/%E9?x=1&y=%20",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xe9",
        "QUERY_STRING": "x=1&y=%20",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": os.environ["SERVER_SOFTWARE"],
        "SERVER_NAME": "example.org",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "",
        "REQUEST_ID": "local",
        "HTTP_HOST": "example.org",
    }
    assert found["SERVER_SOFTWARE"].startswith("monodon/")


def test_request_uri_can_be_left_out(environ):
    found = environ(["GET /a%20b HTTP/1.1", "Host: h"], request_uri=False)
    assert found["RAW_URI"] == "/a%20b" and "REQUEST_URI" not in found


def test_threads_and_processes_are_told_truly(environ):
    lines = ["GET / HTTP/1.1", "Host: h"]
    assert environ(lines, threads=4)["wsgi.multithread"] is True
    assert environ(lines, workers=2)["wsgi.multiprocess"] is True


def test_a_tcp_listener_names_the_server(environ):
    tcp = {"unix_socket": False, "host": "127.0.0.1", "port": 8000}
    found = environ(["GET / HTTP/1.1", "Host: example.org:81"], listener=tcp)
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("127.0.0.1", "8000")
    assert found["HTTP_HOST"] == "example.org:81"


@pytest.mark.parametrize(
    "host, name, port",
    [
        ("example.org:81", "example.org", "81"),
        ("[::1]:81", "[::1]", "81"),
        ("[::1]", "[::1]", "80"),
    ],
)
def test_on_a_unix_socket_the_host_names_the_server(environ, host, name, port):
    found = environ(["GET / HTTP/1.1", f"Host: {host}"])
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == (name, port)


def test_without_a_host_the_server_still_has_a_name(environ):
    found = environ(["GET / HTTP/1.0"])
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("localhost", "80")
    assert found["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert "HTTP_HOST" not in found


def test_an_absolute_target_outranks_the_host_field(environ):
    found = environ(["GET http://real.example/x HTTP/1.1", "Host: REAL.example"])
    assert found["HTTP_HOST"] == "real.example"
    assert found["PATH_INFO"] == "/x"
    assert found["RAW_URI"] == "http://real.example/x"


def test_type_and_length_have_no_prefix_and_others_do(environ):
    found = environ(
        [
            "POST / HTTP/1.1",
            "Host: h",
            "Content-Type: text/x",
            "content-length: 2",
            "X-Foo-Bar: \xe9",
        ],
        b"ab",
    )
    assert found["CONTENT_TYPE"] == "text/x"
    assert found["CONTENT_LENGTH"] == "2"
    assert found["HTTP_X_FOO_BAR"] == "\xe9"
    assert "HTTP_CONTENT_TYPE" not in found and "HTTP_CONTENT_LENGTH" not in found


def test_repeated_fields_are_joined_in_order(environ):
    found = environ(
        [
            "GET / HTTP/1.1",
            "Host: h",
            "X-A: 1",
            "Cookie: a=1",
            "x-a: 2",
            "X-A: 3",
            "cookie: b=2",
        ]
    )
    assert found["HTTP_X_A"] == "1,2,3"
    assert found["HTTP_COOKIE"] == "a=1; b=2"


@pytest.mark.parametrize("body", [b"", b"a=1&b=2"])
def test_a_chunked_body_arrives_with_its_length_and_without_its_coding(environ, body):
    found = environ(
        [
            "POST / HTTP/1.1",
            "Host: h",
            "Expect: 100-continue",
            "Transfer-Encoding: Chunked",
        ],
        body,
    )
    assert found["HTTP_EXPECT"] == "100-continue"
    assert found["CONTENT_LENGTH"] == str(len(body))
    assert "HTTP_TRANSFER_ENCODING" not in found


def test_a_chunked_request_among_others_with_the_same_fields_keeps_its_own_length(site):
    application = Keep()
    here = site(application)
    lines = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    for size in (1, 20, 300):
        here.raw(lines, b"x" * size)
        assert application.environ["CONTENT_LENGTH"] == str(size)


def test_a_request_never_sees_values_of_an_earlier_one(site):
    application = Keep()
    here = site(application)
    here.get("/a?secret=1", "Authorization: Basic x", "Cookie: s=1", "X-A: 1", "X-B: 1")
    here.get("/b", "X-A: 2")
    found = application.environ
    assert found["PATH_INFO"] == "/b" and found["QUERY_STRING"] == ""
    assert found["HTTP_X_A"] == "2"
    for key in ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_X_B"):
        assert key not in found


def test_more_field_names_than_are_remembered_still_work(site):
    application = Keep()
    here = site(application)
    for i in range(1200):
        here.get("/", f"X-N{i}: {i}", f"x-n{i}: again")
        assert application.environ[f"HTTP_X_N{i}"] == f"{i},again"


def test_a_client_that_sends_other_fields_each_time_costs_no_memory(site):
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    here = site(Keep())
    for i in range(3000):
        here.get("/", f"X-Once-{i}: 1")
    before = resident()
    for i in range(3000, 9000):
        here.get("/", f"X-Once-{i}: 1")
    assert resident() - before < 2_000_000


def test_script_name_of_the_process_is_taken_off_the_path(site):
    os.environ["SCRIPT_NAME"] = "/app"
    application = Keep()
    here = site(application)
    here.get("/app/x")
    assert application.environ["SCRIPT_NAME"] == "/app"
    assert application.environ["PATH_INFO"] == "/x"
    with pytest.raises(ValueError, match="/other is not below SCRIPT_NAME, which is /app"):
        here.get("/other")


def test_the_application_may_change_environ(site):
    def application(environ, start_response):
        assert "mine" not in environ
        environ["mine"] = environ["wsgi.url_scheme"] = "x"
        start_response("200 OK", [])
        return [environ["REQUEST_METHOD"].encode()]

    here = site(application)
    for _ in range(3):
        assert here.get().body == b"GET"


def test_like_requests_in_turns_show_what_each_would_show_alone(site):
    """Requests with the same fields share a dictionary inside: nothing may stay in it."""
    application = Keep()
    served = site(application)
    shapes = [
        ["Host: {0}.example.org:{1}", "User-Agent: {2}", "Cookie: a={0}"],
        ["Host: {0}", "X-Forwarded-Proto: https", "Authorization: Basic {0}", "X-Long: {3}"],
        ["host: {0}", "Content-Type: text/{1}", "X-Empty: {4}", "Cookie: {4}"],
    ]
    targets = ["/", "/a%20b?x={0}", "http://other.example.org/{0}", "/{3}", "/plain/{1}"]

    def ask(number, *more):
        values = [number, number % 3 + 1, "a" if number % 2 else "b", "l" * (number % 5 * 100),
                  "" if number % 3 else "full"]
        fields = [line.format(*values) for line in shapes[number % len(shapes)]]
        target = targets[number % len(targets)].format(*values)
        if target.startswith("http:"):
            fields[0] = "Host: other.example.org"
        version = "1.0" if number % 7 == 0 else "1.1"
        head = "\r\n".join([f"{'POST' if number % 4 == 0 else 'GET'} {target} HTTP/{version}",
                            *fields, *more, "", ""])
        served.raw(head.encode("latin-1"))
        return {key: value for key, value in application.environ.items()
                if key not in ("wsgi.input", "wsgi.early_hints")}

    for number in range(300):
        together = ask(number)
        # A field that no request had before: this one is made from nothing.
        alone = ask(number, f"X-Only-{number}: 1")
        del alone[f"HTTP_X_ONLY_{number}"]
        assert together == alone, number


def test_what_an_application_does_to_one_environ_reaches_no_other(site):
    seen = []

    def application(environ, start_response):
        seen.append(dict(environ))
        environ["HTTP_ACCEPT"] = "changed"
        del environ["HTTP_HOST"]
        environ["mine"] = 1
        start_response("200 OK", [])
        return []

    served = site(application)
    for _ in range(4):
        served.get("/", "Accept: */*")
    assert all(environ["HTTP_ACCEPT"] == "*/*" and "mine" not in environ and
               environ["HTTP_HOST"] == "example.org" for environ in seen)
