# SPDX-License-Identifier: Apache-2.0
"""usage: python read_site.py DIRECTORY APPLICATION|"" [ENVIRONMENT_FILE...]
       python read_site.py --candidates DIRECTORY

What the application in a directory is, as one JSON object, for `monodon init` and
`monodon doctor`: "application" (guessed where none is named), and for Django what its
settings say. "error" says why there is less. Imports settings, nothing else of the site.
With --candidates, which applications there may be, for `monodon dev`: imports nothing.
"""

import json
import os
import pathlib
import re
import sys

SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""")
PLAIN = ["STATIC_URL", "STATIC_ROOT", "MEDIA_URL", "MEDIA_ROOT", "ALLOWED_HOSTS", "DEBUG",
         "SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT", "CSRF_TRUSTED_ORIGINS",
         "USE_X_FORWARDED_HOST", "SESSION_COOKIE_SECURE", "FORCE_SCRIPT_NAME"]


def read(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def load_environment(files):
    for file in files:
        for line in read(pathlib.Path(file)).splitlines():
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                os.environ[name.removeprefix("export ").strip()] = value.strip().strip("\"'")


NAMES = ("application", "app")
# Files that have one, in the order in which it is looked for; then packages.
FILES = ("wsgi.py", "app.py", "main.py", "application.py", "server.py", "run.py")
FRAMEWORKS = re.compile(r"(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(Flask|Bottle|Falcon|Pyramid)\(")
ASGI = re.compile(
    r"(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?"
    r"(FastAPI|Starlette|Quart|Litestar|Sanic|get_asgi_application)\(")
FACTORY = re.compile(r"(?m)^def (create_app|make_app)\(\s*(?:\w+\s*(?::[^,=)]+)?=[^)]*)?\)")


def django_first(directory):
    """wsgi.py of the project that manage.py is for."""
    found = SETTINGS.search(read(directory / "manage.py"))
    package = found[1].split(".") if found else []
    while package := package[:-1]:
        path = directory.joinpath(*package, "wsgi.py")
        if path.exists():
            return [path]
    return []


def name_in(text):
    """(callable, whether it is for ASGI) in the text of a module; or (None, False)."""
    if found := ASGI.search(text):
        return found[1], True
    for name in NAMES:
        if re.search(rf"(?m)^{name}\s*(?::[^=\n]+)?=|^def {name}\(", text):
            return name, False
    if found := FRAMEWORKS.search(text):
        return found[1], False
    if found := FACTORY.search(text):
        return f"{found[1]}()", False
    return None, False


def candidates(directory):
    """(module:callable, path, whether ASGI) of what looks like an application, WSGI
    first."""
    paths = dict.fromkeys([
        *django_first(directory), *sorted(directory.glob("*/wsgi.py")),
        *(directory / name for name in FILES), *sorted(directory.glob("*/__init__.py")),
        *sorted(directory.glob("*/asgi.py")), directory / "asgi.py"])
    found = []
    for path in paths:
        name, asgi = name_in(read(path))
        if not name or any(part.startswith(".") for part in path.relative_to(directory).parts):
            continue
        parts = path.relative_to(directory).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append((f"{module}:{name}", path, asgi))
    return sorted(found, key=lambda one: one[2])


def settings_module(directory, application):
    """That of the application's own module: manage.py may mean the developer's."""
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        return os.environ["DJANGO_SETTINGS_MODULE"]
    module = application.partition(":")[0].replace(".", "/") + ".py"
    for path in (directory / module, directory / "manage.py"):
        if found := SETTINGS.search(read(path)):
            return found[1]
    return ""


def plain(value):
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return str(value)


# They take exceptions by themselves, without a handler of LOGGING.
COLLECTORS = ("sentry_sdk", "raven", "rollbar", "bugsnag", "honeybadger", "elasticapm")


def silences(level):
    """Whether an error is below a level of LOGGING."""
    severe = {"CRITICAL": 50, "FATAL": 50}
    return (level if isinstance(level, int) else severe.get(str(level).upper(), 0)) > 40


def keeps(handler, settings):
    """Whether a handler of LOGGING keeps an error that is logged while DEBUG is off."""
    kind = str(handler.get("class", handler.get("()", "")))
    filters = [str(name) for name in handler.get("filters", ())]
    named = settings.LOGGING.get("filters", {})
    classes = [str(named.get(name, {}).get("()", name)) for name in filters]
    if any("RequireDebugTrue" in name or "require_debug_true" in name for name in classes):
        return False
    if silences(handler.get("level", 0)):
        return False
    if kind.endswith("AdminEmailHandler"):
        return bool(settings.ADMINS)
    return not kind.endswith("NullHandler")


def logs_errors(settings):
    """Whether the traceback of a view that fails is kept: what django.request and the
    loggers above it do with it, by the rules of logging.config.dictConfig."""
    config = settings.LOGGING or {}
    if (settings.DEBUG or settings.LOGGING_CONFIG != "logging.config.dictConfig"
            or any(name in sys.modules for name in COLLECTORS)):
        return True
    loggers = config.get("loggers", {})
    known = "django.request" in loggers or "django" in loggers
    replaced = bool(config) and not config.get("incremental")
    if replaced and config.get("disable_existing_loggers", True) and not known:
        return False  # django.request is disabled, whatever the root has
    levels = [loggers[name]["level"] for name in ("django.request", "django")
              if "level" in loggers.get(name, {})]
    if levels and silences(levels[0]):
        return False
    handlers = 0
    for name in ("django.request", "django", ""):
        logger = loggers.get(name) or (config.get("root", {}) if not name else {})
        if name == "django" and name not in loggers:
            # What Django starts with: the console while DEBUG is on, and mail.
            handlers += 2
            if settings.ADMINS:
                return True
        for handler in logger.get("handlers", ()):
            handlers += 1
            if keeps(config.get("handlers", {}).get(handler, {}), settings):
                return True
        if not logger.get("propagate", True):
            break
    return handlers == 0  # then logging's last resort writes it to stderr


def django(module):
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    from django.conf import settings

    facts = {name.lower(): plain(getattr(settings, name, None)) for name in PLAIN}
    names = [settings.DATABASES[key].get("NAME") for key in settings.DATABASES
             if "sqlite" in settings.DATABASES[key].get("ENGINE", "")]
    facts["sqlite"] = [str(name) for name in names if name]
    try:
        facts["logs_errors"] = logs_errors(settings)
    except (AttributeError, TypeError):
        pass  # LOGGING is not what it should be, which Django says by itself
    return facts


def main(directory, application, *files):
    sys.path[:1] = [directory]
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    load_environment(files)
    directory = pathlib.Path(directory)
    os.chdir(directory)
    facts = {}
    if not application:
        found = [one for one in candidates(directory) if not one[2]]
        application = found[0][0] if found else ""
    module = settings_module(directory, application)
    if module:
        facts["settings_module"] = module
        try:
            facts |= django(module)
        except BaseException as error:
            facts["error"] = f"{module}: {type(error).__name__}: {error}"
    json.dump(facts | {"application": application}, answer)
    answer.close()


def print_candidates(directory):
    directory = pathlib.Path(directory)
    json.dump([{"application": application, "file": str(path.relative_to(directory)),
                "asgi": asgi} for application, path, asgi in candidates(directory)],
              sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "--candidates":
        print_candidates(sys.argv[2])
    else:
        main(*sys.argv[1:])
