# SPDX-License-Identifier: Apache-2.0
"""usage: python read_site.py DIRECTORY APPLICATION|"" [ENVIRONMENT_FILE...]

What the application in a directory is, as one JSON object, for `monodon init` and
`monodon doctor`: "application" (guessed where none is named), and for Django what its
settings say. "error" says why there is less. Imports settings, nothing else of the site.
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


def candidates(directory):
    """(module:callable, path) of what looks like an application."""
    for path in [*sorted(directory.glob("*/wsgi.py")), directory / "wsgi.py",
                 directory / "app.py"]:
        for name in ("application", "app"):
            if re.search(rf"(?m)^{name}\s*=|^def {name}\(", read(path)):
                module = ".".join(path.relative_to(directory).with_suffix("").parts)
                yield f"{module}:{name}", path
                break


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


def django(module):
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    from django.conf import settings

    facts = {name.lower(): plain(getattr(settings, name, None)) for name in PLAIN}
    names = [settings.DATABASES[key].get("NAME") for key in settings.DATABASES
             if "sqlite" in settings.DATABASES[key].get("ENGINE", "")]
    facts["sqlite"] = [str(name) for name in names if name]
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
        found = list(candidates(directory))
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


if __name__ == "__main__":
    main(*sys.argv[1:])
