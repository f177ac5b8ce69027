# SPDX-License-Identifier: Apache-2.0
"""usage: python read_site.py DIRECTORY APPLICATION|"" [ENVIRONMENT_FILE...]
       python read_site.py --candidates DIRECTORY auto|wsgi|asgi [FILE]

What the application in a directory is, as one JSON object, for `monodon init` and
`monodon doctor`: "application" (guessed where none is named), and for Django what its
settings say. "error" says why there is less. Imports settings, nothing else of the site.
With --candidates, which applications there may be for that interface (in FILE alone), and
the settings that manage.py names, for `monodon dev`: imports nothing.
"""

import json
import os
import pathlib
import re
import sys

SETTINGS = re.compile(
    r"""DJANGO_SETTINGS_MODULE["'](?:,\s*(?:default\s*=\s*)?|\]\s*=\s*)["']([\w.]+)["']""")
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
ASGI_FILES = ("asgi.py", "main.py", "app.py", "api.py", "app/main.py", "application.py",
              "server.py", "run.py")
FRAMEWORKS = re.compile(r"(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?"
                        r"(Flask|Bottle|Falcon|Pyramid|get_wsgi_application)\(")
ASGI = re.compile(
    r"(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?"
    r"(?:FastAPI|Starlette|Quart|Litestar|Sanic|ProtocolTypeRouter|get_asgi_application)\("
    r"|^async def (\w+)\(\s*scope\b[^,)]*,\s*receive\b[^,)]*,\s*send\b")
FACTORY = re.compile(r"(?m)^def (create_app|make_app)\(\s*(?:\w+\s*(?::[^,=)]+)?=[^)]*)?\)")


def managed_settings(directory):
    """DJANGO_SETTINGS_MODULE as manage.py sets it, or ""."""
    found = SETTINGS.search(read(directory / "manage.py"))
    return found[1] if found else ""


def django_first(directory, name="wsgi.py"):
    """That file of the project that manage.py is for."""
    package = managed_settings(directory).split(".")
    while package := package[:-1]:
        path = directory.joinpath(*package, name)
        if path.exists():
            return [path]
    return []


def name_in(text):
    """(callable, whether it is for ASGI) in the text of a module; None: nobody can tell
    without running it. (None, None) where there is none."""
    if found := ASGI.search(text):
        return found[1] or found[2], True
    frameworks = {found[1] for found in FRAMEWORKS.finditer(text)}
    for name in NAMES:
        if found := re.search(rf"(?m)^{name}\s*(?::[^=\n]+)?=|^def {name}\((\s*env)?", text):
            return name, False if name in frameworks or found[1] else None
    for name in sorted(frameworks):
        return name, False
    if found := FACTORY.search(text):
        return f"{found[1]}()", None
    return None, None


def places(directory, asgi):
    """Files that may have an application, the likeliest first."""
    first, second = ("asgi.py", "wsgi.py") if asgi else ("wsgi.py", "asgi.py")
    return dict.fromkeys([
        *django_first(directory, first), *sorted(directory.glob(f"*/{first}")),
        *(directory / name for name in (ASGI_FILES if asgi else FILES)),
        *sorted(directory.glob("*/__init__.py")), *sorted(directory.glob(f"*/{second}")),
        *in_src(directory, ASGI_FILES if asgi else FILES), directory / second])


def in_src(directory, names):
    """Of a project whose packages are in src, where nothing else is imported from."""
    packages = sorted(path.parent for path in directory.glob("src/*/__init__.py"))
    return [*(directory / "src" / name for name in names),
            *(package / name for package in packages for name in (*names, "__init__.py"))]


def import_root(directory, path):
    """Where the imports of that file begin for `flask run` and `python file.py`: the first
    directory above it that is no package."""
    root = path.parent
    while root != directory and (root / "__init__.py").exists():
        root = root.parent
    return root


def module_of(directory, path):
    """Its name: below that root if it is in a package there, else below `directory`."""
    packaged = (path.parent / "__init__.py").exists()
    below = import_root(directory, path) if packaged else directory
    parts = path.relative_to(below).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def broken(directory):
    """["app.py, line 1: invalid syntax"]: files that may be what somebody is writing."""
    found = []
    for name in dict.fromkeys(FILES + ASGI_FILES):
        try:
            compile(read(directory / name), name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            found.append(name + (f", line {line}" if line else "")
                         + f": {getattr(error, 'msg', None) or error}")
    return found


def candidates(directory, wants_asgi=False, paths=None):
    """(module:callable, path, whether ASGI) of what looks like an application, that of
    the interface that is wanted first."""
    found = []
    for path in places(directory, wants_asgi) if paths is None else paths:
        name, asgi = name_in(read(path))
        if not name or any(part.startswith(".") for part in path.relative_to(directory).parts):
            continue
        if asgi is None:
            asgi = path.name == "asgi.py" or (wants_asgi and path.name != "wsgi.py")
        found.append((f"{module_of(directory, path)}:{name}", path, asgi))
    return sorted(found, key=lambda one: one[2] is not wants_asgi)


def without_file(directory, wants_asgi, found):
    """Django's own factory, where manage.py names settings and no file is for them."""
    kind = "asgi" if wants_asgi else "wsgi"
    if not managed_settings(directory) or any(path.name == f"{kind}.py" for _, path, _ in found):
        return []
    return [(f"django.core.{kind}:get_{kind}_application()", directory / "manage.py", wants_asgi)]


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


def print_candidates(directory, interface, file=""):
    directory = pathlib.Path(directory)
    wants_asgi = interface == "asgi"
    if file:
        found = candidates(directory, wants_asgi, [directory / file])
    else:
        found = candidates(directory, wants_asgi)
        found = without_file(directory, wants_asgi, found) + found
    named = directory / file if file else None
    json.dump({
        "settings": managed_settings(directory),
        "module": module_of(directory, named) if named else "",
        "root": root_below(directory, named) if named else "",
        "broken": [] if found or named else broken(directory),
        "applications": [
            {"application": application, "file": str(path.relative_to(directory)),
             "asgi": asgi, "root": root_below(directory, path) if in_a_src(directory, path) else ""}
            for application, path, asgi in found]}, sys.stdout)


def in_a_src(directory, path):
    return path.relative_to(directory).parts[0] == "src"


def root_below(directory, path):
    root = import_root(directory, path)
    return "" if root == directory else str(root.relative_to(directory))


if __name__ == "__main__":
    if sys.argv[1] == "--candidates":
        print_candidates(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
