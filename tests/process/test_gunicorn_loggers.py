# SPDX-License-Identifier: Apache-2.0
"""Applications log through Gunicorn's loggers, and a gunicorn.conf.py configures them."""

import json

import pytest

from support import paths
from support.server import Server
from support.until import until
from support.versions import reload

# The idiom of Flask's documentation and of many a site.
SITE = """
import logging
server = logging.getLogger("gunicorn.error")
ours = logging.getLogger("shop")
ours.handlers = server.handlers
ours.setLevel(server.level)
ours.propagate = False
from probe import application
ours.info("shop is imported")
ours.debug("not shown")
server.warning("a word of the %s", "server")
logging.getLogger("gunicorn.access").info("one line of access")
"""


def site(conf="", flags=(), **options):
    server = Server("shop:application", **options)
    server.write("gunicorn.conf.py", "workers = 1\n" + conf)
    server.write("shop.py", SITE)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), *flags,
                      "--pythonpath", f"{paths.APPS},{server.scratch}",
                      "--python", paths.PYTHON, server.app]
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch, "PYTHONPATH": str(paths.APPS)}
    return server


def test_what_is_logged_through_gunicorns_loggers_is_a_line_of_the_log():
    with site(flags=("--error-log-format", "text", "--access-log", "access")) as server:
        zygote, = server.zygotes()
        line = server.await_log("shop is imported")
        assert line.startswith("[") and f"[{zygote}] [INFO] shop is imported" in line
        assert f"[{zygote}] [WARNING] a word of the server" in server.await_log("a word of")
        with open(server.path("access"), encoding="utf-8") as access:
            assert access.read() == "one line of access\n"
        assert not any("not shown" in line for line in server.log.lines)


def test_it_is_one_in_json_as_well():
    with site(flags=("--error-log-format", "json", "--log-level", "debug")) as server:
        told = json.loads(server.await_log("shop is imported"))
        assert told["level"] == "info" and told["message"] == "shop is imported"
        assert json.loads(server.await_log("not shown"))["level"] == "debug"


def test_logconfig_dict_configures_the_logging_of_the_application():
    conf = """
logconfig_dict = {
    "root": {"level": "INFO", "handlers": ["mine"]},
    "handlers": {"mine": {"class": "logging.StreamHandler", "formatter": "mine",
                          "stream": "ext://sys.stderr"},
                 "error_console": {"class": "logging.StreamHandler", "formatter": "mine",
                                   "stream": "ext://sys.stderr"},
                 "console": {"class": "logging.NullHandler"}},
    "formatters": {"mine": {"format": "MINE %(name)s %(message)s"}},
}
"""
    server = site(conf)
    server.write("shop.py", "import logging\nfrom probe import application\n"
                            "logging.getLogger('shop').info('hello')\n"
                            "logging.getLogger('gunicorn.error').info('both')\n")
    with server:
        assert server.await_log("MINE shop") == "MINE shop hello"
        assert server.await_log("MINE gunicorn.error") == "MINE gunicorn.error both"


def test_logconfig_is_a_file_beside_and_a_broken_one_is_refused():
    server = site("logconfig = 'log.ini'\n", expect=["."])
    server.write("log.ini", """
[loggers]
keys=root
[handlers]
keys=err
[formatters]
keys=f
[logger_root]
level=INFO
handlers=err
[handler_err]
class=StreamHandler
args=(sys.stderr,)
formatter=f
[formatter_f]
format=INI %(name)s %(message)s
""")
    server.write("shop.py", "import logging\nfrom probe import application\n"
                            "logging.getLogger('shop').info('hello')\n")
    server.command += ["--chdir", server.scratch]
    with server:
        assert server.await_log("INI shop") == "INI shop hello"
        server.write("log.ini", "nothing")
        status, _, err = reload(server)
        assert status == 1 and "log.ini" in err


def test_a_logger_class_of_the_site_is_what_hooks_log_through():
    conf = """
class logger_class:
    def __init__(self, cfg):
        import logging
        self.prefix = f"{cfg.loglevel} of {cfg.workers}"
        self.error_log = logging.getLogger("gunicorn.error")

    def info(self, text):
        self.error_log.info(f"OWN {self.prefix}: {text}")

def when_ready(server):
    server.log.info("ready")
"""
    with site(conf) as server:
        assert "OWN info of 1: ready" in server.await_log("OWN")


INI = """
[loggers]
keys=root
[handlers]
keys=err
[formatters]
keys=f
[logger_root]
level=INFO
handlers=err
[handler_err]
class=StreamHandler
args=(sys.stderr,)
formatter=f
[formatter_f]
format=INI %(name)s %(message)s
"""


def test_a_flag_configures_the_logging_without_a_file_of_gunicorns():
    server = site()
    server.write("log.ini", INI)
    server.write("shop.py", "import logging\nfrom probe import application\n"
                            "logging.getLogger('shop').info('hello')\n")
    server.command = ["serve", "-w", "1", "--log-config", server.path("log.ini"),
                      "--pythonpath", f"{paths.APPS},{server.scratch}", "--python",
                      paths.PYTHON, server.app]
    with server:
        assert server.await_log("INI shop") == "INI shop hello"


# As Gunicorn's own class does it.
CLASS = """
import logging
import gunicorn
gunicorn.SERVER_SOFTWARE = "a secret"

class logger_class:
    def __init__(self, cfg):
        self.error_log = logging.getLogger("gunicorn.error")
        handler = logging.StreamHandler()
        handler._gunicorn = True
        handler.setFormatter(logging.Formatter(FORMAT))
        self.error_log.addHandler(handler)
        self.error_log.info("set up")

    def access(self, resp, req, environ, request_time):
        pass

def when_ready(server):
    server.log.error_log.info("ready")
"""
USUAL = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"


@pytest.mark.parametrize("form, ready", [
    (USUAL, "[INFO] ready"), ("MINE %(message)s", "MINE ready")])
def test_a_logger_class_that_adds_handlers_logs_each_line_once(form, ready):
    server = site(f"FORMAT = {form!r}\n" + CLASS, flags=("--error-log-format", "text"),
                  expect=["changes nothing"])
    server.write("gunicorn.py", "SERVER_SOFTWARE = 'gunicorn/1.0'\n__version__ = '1.0'\n")
    server.command += ["--chdir", server.scratch]
    with server:
        server.await_workers(1)
        told = [line for line in server.log.lines if "ready" in line or "set up" in line]
        assert len(told) == 2 and ready in told[1], told
        server.await_log("gunicorn.SERVER_SOFTWARE is set, and changes nothing here")


FILTER = """
import logging
def application(environ, start_response):  # which workers can share
    start_response("200 OK", [("Content-Length", "0")])
    return []
def without_health(record):
    return "/health" not in record.getMessage()
logging.getLogger("gunicorn.access").addFilter(without_health)
"""


def access_lines(server, count):
    with open(server.path("access"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    return lines if len(lines) >= count else None


@pytest.mark.parametrize("form", ["json", "%(m)s %(U)s %(s)s"])
def test_a_filter_of_the_applications_takes_lines_away_and_leaves_the_others_as_they_are(form):
    server = site()
    server.write("shop.py", FILTER)
    server.command = ["serve", "-w", "1", "--access-log", server.path("access"),
                      "--access-logformat", form, "--pythonpath",
                      f"{paths.APPS},{server.scratch}", "--python", paths.PYTHON, server.app]
    with server:
        for path in ("/health", "/one", "/health/more", "/two"):
            assert server.get(path).status == 200
        # What the application never sees is the server's alone.
        assert server.get("/a#b").status == 400
        lines = until(lambda: access_lines(server, 3), "three lines")
    if form == "json":
        told = [(json.loads(line)["uri"], json.loads(line)["status"]) for line in lines]
        assert told[:2] == [("/one", 200), ("/two", 200)] and [t[1] for t in told[2:]] == [400]
    else:
        assert lines[:2] == ["GET /one 200", "GET /two 200"] and lines[2:][0].endswith(" 400")


def test_a_filter_counts_on_standard_output_as_well():
    server = Server("shop:application", expect=["runs as root"])
    server.write("shop.py", FILTER)
    server.command = ["serve", "-w", "1", "--access-log", "-", "--pythonpath", server.scratch,
                      "--python", paths.PYTHON, server.app]
    with server:
        for path in ("/health", "/one"):
            assert server.get(path).status == 200
        server.wait(lambda: any("/one" in line for line in server.out.lines), "a line")
        assert not any("/health" in line for line in server.out.lines)


FAILING = SITE + """
class Mail(logging.Handler):
    def emit(self, record):
        if "wrong" in record.getMessage():
            raise KeyError("mail")
        print("MAIL", record.levelname, record.getMessage(), record.exc_info[0].__name__,
              flush=True)
server.addHandler(Mail())
def application(environ, start_response):
    raise ValueError("no shop today")
"""


def test_an_exception_that_nobody_catches_reaches_the_handlers_of_gunicorns_logger():
    server = site(flags=("--error-log-format", "text"), expect=["raised", "no shop today"])
    server.write("shop.py", FAILING)
    with server:
        assert server.get("/cart?x=1").status == 500
        server.wait(lambda: "MAIL ERROR Error handling request /cart ValueError"
                    in "\n".join(server.out.lines + server.log.lines), "the mail")
        assert server.get("/wrong").status == 500
        server.await_log("a handler of gunicorn.error raised")
        # Our own line of the second request comes after its handlers ran.
        own = server.wait(lambda: [line for line in server.log.lines
                                   if "application raised: ValueError" in line][1:], "its line")
        assert len(own) == 1 and not any("Error handling" in line for line in server.log.lines
                                         if "MAIL" not in line)

