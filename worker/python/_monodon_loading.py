# SPDX-License-Identifier: Apache-2.0
"""Finds the application that a setting names, and says what is wrong with it when it
cannot be one. Zygote or worker, before the first request.
"""

import importlib
import os
import sys
import types

from _monodon_failure import explain

IMPORT_ERROR = 3  # wire::LoadFailure
NO_SUCH_ATTRIBUTE = 4

on_failure = []  # called with what an import raised
_USUAL_NAMES = ("application", "app", "wsgi", "wsgi_app", "server")
_USUAL_FACTORIES = ("create_app", "make_app", "get_wsgi_application")


class _NoSuchName(Exception):
    pass


def find(spec):
    """Returns (0, what spec names), or (failure, why): the reason in the first and the
    last line, and between them the traceback.

    spec: "package.module:name", ":a.b", or a call ":name('x', k=1)" with literals.
    """
    module_name, _, name = spec.partition(":")
    try:
        try:
            module = importlib.import_module(module_name)
            return 0, _evaluate(module, name or "application")
        except _NoSuchName as error:
            return NO_SUCH_ATTRIBUTE, str(error)
    except BaseException as error:  # SystemExit at import is a failure like any other
        for call in on_failure:
            call(error)
        return IMPORT_ERROR, explain(error, _hint(module_name, error))


def find_callable(spec):
    failure, found = find(spec)
    if not failure and not callable(found):
        return NO_SUCH_ATTRIBUTE, f"{spec}: must be callable, not {_shown(found)}"
    return failure, found


def load_application(spec, interface="auto"):
    """As find(), for something that can be called as PEP 3333 or ASGI says; and whether
    it is ASGI. interface: auto, wsgi or asgi. ASGI has to be asked for."""
    failure, found = find(spec)
    if failure:
        return failure, found, False
    if interface == "asgi" and not isinstance(found, types.ModuleType):
        if sign := asgi_sign(found):
            wrong = _no_asgi_3(spec, found, sign)
            return (NO_SUCH_ATTRIBUTE, wrong, False) if wrong else (0, found, True)
        if callable(found) and _might_be_asgi(found):
            return 0, found, True
    if wrong := wrong_interface(spec, found):
        return NO_SUCH_ATTRIBUTE, wrong, False
    if interface == "asgi":
        return NO_SUCH_ATTRIBUTE, f"{spec} is a WSGI application. {_NO_ASGI}", False
    return 0, found, False


def _no_asgi_3(spec, found, sign):
    if isinstance(found, type):
        return f'{spec} is {sign}; write "{_with_name(spec)}()" to make an object of it.'
    if sign == _ASGI_2:
        return f"{spec} is written for ASGI 2 ({sign}). {_NO_ASGI}"
    return ""


def _might_be_asgi(found):
    """Nothing speaks against (scope, receive, send)."""
    signature = _signature(found)
    return signature is None or _takes(signature, 3)


def _hint(module_name, error):
    if isinstance(error, BlockingIOError):
        return ("If that is a lock which the serving workers hold: take it in post_fork, or "
                "deploy by a restart.\n")
    if not isinstance(error, ImportError):
        return ""
    if module_name.endswith(".py") and os.path.exists(module_name):
        return f'Give the module, not the file: "{module_name[:-3].replace("/", ".")}".\n'
    if isinstance(error, ModuleNotFoundError):
        return (f"Searched in: {', '.join(sys.path)}\n"
                f"The interpreter is {sys.executable}; python (--python) names another.\n"
                + _environments())
    return ""


def _environments():
    """Virtual environments beside the site that have other names than .venv and venv."""
    here = os.getcwd()
    found = []
    for directory in (here, os.path.dirname(here)):
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        found += [path for name in names if os.path.exists(
            os.path.join(path := os.path.join(directory, name), "pyvenv.cfg"))]
    return "".join(f"{path} is a virtual environment: --python {path}/bin/python\n"
                   for path in found[:3] if path != sys.prefix)


def _evaluate(module, text):
    if text.isidentifier():
        return _attribute(module, module, text, text)
    import ast  # each start would wait for it
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise _NoSuchName(f"{text!r} is not a name or a call of a function") from None
    if not isinstance(node, ast.Call):
        return _look_up(ast, module, node, text)
    factory = _look_up(ast, module, node.func, text)
    try:
        arguments = [ast.literal_eval(a) for a in node.args]
        keywords = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
    except ValueError:
        raise _NoSuchName(f"{text!r}: arguments must be literals") from None
    if not callable(factory):
        raise _NoSuchName(f"{text!r}: {factory!r} cannot be called")
    return factory(*arguments, **keywords)


def _look_up(ast, module, node, text):
    if isinstance(node, ast.Name):
        return _attribute(module, module, node.id, text)
    if isinstance(node, ast.Attribute):
        return _attribute(module, _look_up(ast, module, node.value, text), node.attr, text)
    raise _NoSuchName(f"{text!r} is not a name or a call of a function")


def _attribute(module, owner, name, text):
    try:
        return getattr(owner, name)
    except AttributeError as error:
        # Nobody's code has run that could have more to say.
        plain = owner is module and "__getattr__" not in vars(module)
        raise _NoSuchName(
            f"{'' if plain else explain(error)}{module.__name__} has no {text!r}"
            f"{_meant(module, name)} ({getattr(module, '__file__', 'built-in')})"
        ) from None


def _meant(module, name):
    import difflib
    known = [n for n, value in vars(module).items()
             if callable(value) and not n.startswith("_")]
    near = [n for n in _USUAL_NAMES if n in known] + difflib.get_close_matches(name, known, 1)
    near += [n for n in _USUAL_FACTORIES if n in known]
    for name in near:
        signature = _signature(vars(module)[name])
        if signature is None or _takes_two(signature):
            return f"; did you mean {module.__name__}:{name}?"
        if _takes(signature, 0):
            return f'; did you mean "{module.__name__}:{name}()"?'
    return ""


# The interface


def wrong_interface(spec, found):
    """Why `found` cannot be called with (environ, start_response), and what would be
    right; "" if it can, or if nobody can tell without calling it."""
    if found is None:
        made = "returned None: does it return what it makes?"
        return f"{spec} {made if spec.endswith(')') else 'is None: what sets it has failed'}"
    if isinstance(found, types.ModuleType):
        return _module_instead(spec, found)
    if _is_plain(found):
        return ""
    if isinstance(found, types.CoroutineType):
        found.close()
        return f"{spec} is a coroutine: the factory is an async function. {_ASGI}"
    if how := asgi_sign(found):
        return f"{spec} is an ASGI application ({how}). {_ASGI}"
    if not callable(found):
        return f"{spec}: the application must be callable, not {_shown(found)}"
    if isinstance(found, type):
        return _class_instead(spec, found)
    signature = _signature(found)
    if signature is None or _takes_two(signature):
        return ""
    if _takes(signature, 0):
        return (f"{spec} takes {signature}, so it seems to be a factory; write"
                f' "{_with_name(spec)}()" to call it. {_WSGI}')
    return f"{spec} takes {signature}. {_WSGI}"


def _is_plain(found):
    """A function of two arguments, which nobody has decorated: that is seen without the
    module inspect, which takes as long as a small application."""
    if type(found) is not types.FunctionType or vars(found):
        return False
    code = found.__code__
    is_coroutine = 0x80 | 0x100 | 0x200  # inspect.CO_COROUTINE and its relatives
    return (code.co_argcount == 2 and not code.co_kwonlyargcount
            and not code.co_flags & is_coroutine)


_WSGI = "A WSGI application is called with (environ, start_response)."
_ASGI = (
    "interface: asgi serves it. Django's WSGI application is the one in wsgi.py, not "
    "asgi.py."
)
_ASGI_2 = "it takes (scope)"
_NO_ASGI = "An ASGI application is called with (scope, receive, send); see interface."


def asgi_sign(found):
    """What tells that it is an ASGI application, or ""."""
    called = _called_by(found)
    if kind := _asynchronous(called):
        return kind
    if isinstance(called, type):
        kind = _asynchronous(getattr(called, "__call__", None))
        return f"a class whose __call__ is {kind}" if kind else ""
    if kind := _asynchronous(getattr(type(called), "__call__", None)):
        return f"the __call__ of {type(called).__name__} is {kind}"
    signature = _signature(found) if callable(found) else None
    if signature is None or _takes_two(signature):
        return ""
    names = [p.name for p in signature.parameters.values() if p.default is p.empty]
    if names == ["scope"] or names[:3] == ["scope", "receive", "send"]:
        return f"it takes ({', '.join(names)})"
    return ""


def _called_by(found):
    """What a call of `found` calls with all of its arguments, and returns the answer of.
    What a decorator has wrapped is not known: it may run the coroutine itself."""
    import functools
    while True:
        if isinstance(found, (functools.partial, staticmethod)):
            found = found.func if isinstance(found, functools.partial) else found.__func__
        elif type(found) is functools._lru_cache_wrapper:
            found = found.__wrapped__
        else:
            return found


def _asynchronous(function):
    import inspect
    if inspect.iscoroutinefunction(function):
        return "a coroutine function"
    return "an async generator function" if inspect.isasyncgenfunction(function) else ""


def _module_instead(spec, module):
    names = [n for n in _USUAL_NAMES if callable(getattr(module, n, None))]
    example = f'"{module.__name__}:{names[0] if names else "NAME"}"'
    return f"{spec} is a module, not an application; name what is in it: {example}."


def _class_instead(spec, found):
    """A class is one if calling it makes the iterable that is the answer."""
    if type(found).__call__ is not type.__call__ or "__new__" in vars(found):
        return ""  # it need not make an object of its own
    signature = _signature(found)
    answers = hasattr(found, "__iter__") or hasattr(found, "__getitem__")
    if answers and (signature is None or _takes_two(signature)):
        return ""
    if "__call__" in dir(found) and not answers:
        return (f"{spec} is a class, and its objects are what can be called; write"
                f' "{_with_name(spec)}()" to make one. {_WSGI}')
    return f"{spec} is a class that makes no answer from {signature or 'that'}. {_WSGI}"


def _with_name(spec):
    return spec if ":" in spec else spec + ":application"


def _signature(found):
    import inspect
    try:
        # Not the signature of what a decorator has wrapped: nobody calls that.
        return inspect.signature(found, follow_wrapped=False)
    except Exception:  # built in, or something that only looks like a function
        return None


def _takes(signature, count):
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _takes_two(signature):
    return _takes(signature, 2)


def _shown(value):
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
