# SPDX-License-Identifier: Apache-2.0
"""What is no WSGI application is told from what is one, without calling it."""

import functools
import types

import pytest

from conftest import runtime

wrong_interface = runtime._loading.wrong_interface


async def asgi(scope, receive, send):
    pass


def wsgi(environ, start_response):
    return []


class Asgi:
    async def __call__(self, scope, receive, send):
        pass


class Inherits(Asgi):
    pass


class Streams:
    async def __call__(self, scope, receive, send):
        yield b""


async def streams(environ, start_response):
    yield b""


class Plain:
    def __call__(self, scope, receive, send):
        pass


class Wsgi:
    def __call__(self, environ, start_response):
        return []


class Configured(Wsgi):
    def __init__(self, name="x", debug=False):
        pass


class Empty:
    pass


class Answer:
    def __init__(self, environ, start_response):
        pass

    def __iter__(self):
        return iter(())


class Meta(type):
    def __call__(cls, *arguments):
        return []


class Unusual(metaclass=Meta):
    pass


def decorated(function):
    """As a decorator that turns one interface into the other does it."""

    @functools.wraps(function)
    def inner(environ, start_response):
        return []

    return inner


def decorated_loosely(function):
    """It may await the coroutine itself, or hand it on: that is seen by a call only."""

    @functools.wraps(function)
    def inner(*a):
        return []

    return inner


async def make():
    return wsgi


MODULE = types.ModuleType("shop")
MODULE.app = wsgi


@pytest.mark.parametrize("found, words", [
    (asgi, "is an ASGI application (a coroutine function). interface: asgi serves it"),
    (functools.partial(asgi, "x"), "is an ASGI application"),
    (Asgi(), "is an ASGI application (the __call__ of Asgi is a coroutine function)"),
    (Asgi, "is an ASGI application (a class whose __call__"),
    (Inherits, "is an ASGI application (a class whose __call__"),
    (functools.partial(Asgi()), "the __call__ of Asgi is a coroutine function"),
    (functools.partial(Asgi, 1), "a class whose __call__ is a coroutine function"),
    (functools.lru_cache(asgi), "is an ASGI application (a coroutine function)"),
    (staticmethod(asgi), "is an ASGI application (a coroutine function)"),
    (streams, "is an ASGI application (an async generator function)"),
    (Streams(), "the __call__ of Streams is an async generator function"),
    (Plain(), "is an ASGI application (it takes (scope, receive, send))"),
    (lambda scope: None, "is an ASGI application (it takes (scope))"),
    (lambda a, b, c: None, "takes (a, b, c). A WSGI application is called with"),
    (lambda: wsgi, 'seems to be a factory; write "shop:app()" to call it'),
    (lambda name=None: wsgi, 'write "shop:app()"'),
    (Wsgi, 'its objects are what can be called; write "shop:app()"'),
    (Configured, 'its objects are what can be called; write "shop:app()"'),
    (Empty, "is a class that makes no answer from ()"),
    (None, "shop:app is None"),
    (MODULE, 'is a module, not an application; name what is in it: "shop:app"'),
    (5, "the application must be callable, not 5"),
    ("x" * 1000, "must be callable"),
])
def test_what_cannot_be_served_is_named_with_what_would_be_right(found, words):
    said = wrong_interface("shop:app", found)
    assert words in said and len(said) < 300, said


def test_a_coroutine_of_an_async_factory_is_named(recwarn):
    assert "the factory is an async function" in wrong_interface("shop:make()", make())
    assert not recwarn.list  # no "was never awaited"


@pytest.mark.parametrize("found", [
    wsgi, Wsgi(), Configured(), Answer, Unusual, functools.partial(wsgi), Wsgi().__call__,
    decorated(asgi), decorated_loosely(asgi), functools.partial(Wsgi()),
    functools.lru_cache(wsgi), staticmethod(wsgi), lambda *arguments: [], lambda environ, start_response, more=1: [],
    lambda environ, *rest, **options: [], print,
])
def test_what_can_be_called_with_environ_and_start_response_is_served(found):
    assert wrong_interface("shop:app", found) == ""


@pytest.mark.parametrize(
    "name, code, wanted",
    [
        ("application", "def app(e, s): pass", "it has no 'application'; did you mean it:app? (f.py)"),
        ("aplication", "def application(e, s): pass",
         "it has no 'aplication'; did you mean it:application? (f.py)"),
        ("create", "def create_app(): pass",
         "it has no 'create'; did you mean \"it:create_app()\"? (f.py)"),
        ("application", "def get_wsgi_application(): pass",
         "it has no 'application'; did you mean \"it:get_wsgi_application()\"? (f.py)"),
        ("app", "def create_app(config='x'): pass",
         "it has no 'app'; did you mean \"it:create_app()\"? (f.py)"),
        ("app", "def create_app(config): pass\nclass App:\n    def __call__(self, e, s): pass",
         "it has no 'app'; did you mean \"it:App()\"? (f.py)"),
        ("application", "import os\n_app = 1", "it has no 'application' (f.py)"),
        ("application", "def __getattr__(name): raise AttributeError('set SITE first')",
         "AttributeError: set SITE first"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_what_is(name, code, wanted):
    module = types.ModuleType("it")
    exec(code, vars(module))
    module.__file__ = "f.py"
    with pytest.raises(Exception) as told:
        runtime._loading._evaluate(module, name)
    assert str(told.value).startswith(wanted)
