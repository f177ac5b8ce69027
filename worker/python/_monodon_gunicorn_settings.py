# SPDX-License-Identifier: Apache-2.0
"""What hooks of a gunicorn.conf.py see as Gunicorn's Config (`server.cfg`, `worker.cfg`):
every setting that Gunicorn has, with Gunicorn's default, what the file says over it, and
over both what this server goes by. https://docs.gunicorn.org/en/stable/settings.html
"""

import grp
import importlib
import ipaddress
import os
import pwd
import re
import sys
import types

from _monodon_gunicorn_file import HOOKS
from _monodon_gunicorn_standin import StandIn

DEFAULTS = {
    "access_log_format": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    "accesslog": None,
    "asgi_disconnect_grace_period": 3,
    "asgi_lifespan": "auto",
    "asgi_loop": "auto",
    "backlog": 2048,
    "bind": ["127.0.0.1:8000"],
    "ca_certs": None,
    "capture_output": False,
    "casefold_http_method": False,
    "cert_reqs": 0,
    "certfile": None,
    "chdir": None,
    "check_config": False,
    "ciphers": None,
    "config": "./gunicorn.conf.py",
    "control_socket": None,
    "control_socket_disable": True,
    "control_socket_mode": 0o600,
    "daemon": False,
    "default_proc_name": "gunicorn",
    "dirty_apps": [],
    "dirty_graceful_timeout": 30,
    "dirty_threads": 1,
    "dirty_timeout": 300,
    "dirty_workers": 0,
    "disable_redirect_access_to_syslog": False,
    "do_handshake_on_connect": False,
    "dogstatsd_tags": "",
    "enable_backlog_metric": False,
    "enable_stdio_inheritance": False,
    "errorlog": "-",
    "forwarded_allow_ips": ["127.0.0.1", "::1"],
    "forwarder_headers": ["SCRIPT_NAME", "PATH_INFO"],
    "graceful_timeout": 30,
    "group": None,
    "header_map": "drop",
    "http2_cleartext": "off",
    "http2_initial_window_size": 65535,
    "http2_max_concurrent_streams": 100,
    "http2_max_frame_size": 16384,
    "http2_max_header_list_size": 65536,
    "http_parser": "auto",
    "http_protocols": ["h1"],
    "initgroups": False,
    "keepalive": 2,
    "keyfile": None,
    "limit_request_field_size": 8190,
    "limit_request_fields": 100,
    "limit_request_line": 4094,
    "logconfig": None,
    "logconfig_dict": {},
    "logconfig_json": None,
    "logger_class": "gunicorn.glogging.Logger",
    "loglevel": "info",
    "max_requests": 0,
    "max_requests_jitter": 0,
    "paste": None,
    "permit_obsolete_folding": False,
    "permit_unconventional_http_method": False,
    "permit_unconventional_http_version": False,
    "pidfile": None,
    "preload_app": False,
    "print_config": False,
    "proc_name": None,
    "protocol": "http",
    "proxy_allow_ips": ["127.0.0.1", "::1"],
    "proxy_protocol": "off",
    "pythonpath": None,
    "raw_env": [],
    "raw_paste_global_conf": [],
    "reload": False,
    "reload_engine": "auto",
    "reload_extra_files": [],
    "reuse_port": False,
    "root_path": "",
    "secure_scheme_headers": {
        "X-FORWARDED-PROTOCOL": "ssl",
        "X-FORWARDED-PROTO": "https",
        "X-FORWARDED-SSL": "on",
    },
    "sendfile": None,
    "spew": False,
    "ssl_version": 2,
    "statsd_host": None,
    "statsd_prefix": "",
    "strip_header_spaces": False,
    "suppress_ragged_eofs": True,
    "syslog": False,
    "syslog_addr": "udp://localhost:514",
    "syslog_facility": "user",
    "syslog_prefix": None,
    "threads": 1,
    "timeout": 30,
    "tmp_upload_dir": None,
    "umask": 0,
    "user": None,
    "uwsgi_allow_ips": ["127.0.0.1", "::1"],
    "websocket_max_message_size": 16777216,
    "worker_class": "sync",
    "worker_connections": 1000,
    "worker_tmp_dir": None,
    "workers": 1,
    "wsgi_app": None,
}

def hook_of(value):
    """The function that a setting names: itself, or "package.module.function"."""
    if not isinstance(value, str):
        return value
    module, _, name = value.rpartition(".")
    if not module:
        raise ImportError(f"{value!r} is not of the form package.module.function")
    return getattr(importlib.import_module(module), name)


def hooks_in(names):
    """Names in a file that are hooks, as functions or as dotted strings."""
    return [name for name in names if name in HOOKS
            and (callable(names[name]) or isinstance(names[name], str))]


def _address(text):
    """As Gunicorn's Config.address has it: a path, a descriptor, or (host, port)."""
    if text.startswith("unix:"):
        return text[len("unix:"):]
    if text.startswith("fd:"):
        return int(text.rpartition("/")[2])
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _networks(texts):
    return [ipaddress.ip_network(text) for text in texts if text != "*"]


class Setting(StandIn):
    """What Config.settings holds under each name."""

    def __init__(self, name, value):
        super().__init__()
        self.name = name
        self.value = value
        self.default = DEFAULTS.get(name)

    def get(self):
        return self.value

    def set(self, value):
        self.value = value


def _format(file, served):
    """With atoms that only a logger_class knows, for which the server has "-"."""
    own = file.get("access_log_format")
    if not isinstance(own, str):
        return served
    frames = {re.sub(r"%\([^)]*\)s|-", "", text) for text in (own, served)}
    return own if len(frames) == 1 else served


class Config:
    """file: the names of the file. merged: Gunicorn's names of what this server goes by."""

    def __init__(self, file, merged):
        values = {name: (value.copy() if isinstance(value, (list, dict)) else value)
                  for name, value in DEFAULTS.items()}
        values |= {name: value for name, value in file.items()
                   if name in DEFAULTS and value is not None}
        values |= merged
        values["access_log_format"] = _format(file, values["access_log_format"])
        # Gunicorn's: what the command line calls the application.
        self.application = values["wsgi_app"]
        if self.application and self.application != file.get("wsgi_app"):
            values["default_proc_name"] = self.application
            values["wsgi_app"] = file.get("wsgi_app")
        values["dogstatsd_tags"] = values["dogstatsd_tags"] or ""
        values["chdir"] = values["chdir"] or os.getcwd()
        for name, count in HOOKS.items():
            values[name] = hook_of(file.get(name)) or self._nothing(count)
        self.settings = {name: Setting(name, value) for name, value in values.items()}
        self.env_orig = os.environ.copy()
        self.prog = self.usage = None

    @staticmethod
    def _nothing(count):
        return {1: lambda _a: None, 2: lambda _a, _b: None, 3: lambda _a, _b, _c: None,
                4: lambda _a, _b, _c, _d: None}[count]

    def __getattr__(self, name):
        settings = vars(self).get("settings", {})
        if name not in settings:
            raise AttributeError(f"No configuration setting for: {name}")
        return settings[name].get()

    def __str__(self):
        return "\n".join(f"{name:24} = {setting.value}"
                         for name, setting in sorted(self.settings.items()))

    def set(self, name, value):
        if name not in self.settings:
            raise AttributeError(f"No configuration setting for: {name}")
        self.settings[name].set(value)

    @property
    def worker_class_str(self):
        name = self.settings["worker_class"].value
        if isinstance(name, type):
            return name.__name__
        plain = name == "sync" or name.endswith("SyncWorker")
        return "gthread" if plain and self.threads > 1 else name

    @property
    def worker_class(self):
        threads = "thread" in self.worker_class_str.lower()
        name = "ThreadWorker" if threads else "SyncWorker"
        module = f"gunicorn.workers.{'gthread' if threads else 'sync'}"
        return type(name, (), {"__doc__": "Stands in for Gunicorn's.", "__module__": module})

    @property
    def logger_class(self):
        """The class, as there."""
        name = self.settings["logger_class"].value
        if isinstance(name, type):
            return name
        loggers = sys.modules["_monodon_gunicorn_logger"]
        if name in loggers.USUAL:
            return type("Logger", (loggers.Log,), {"__module__": "gunicorn.glogging"})
        return hook_of(name)

    @property
    def address(self):
        return [_address(text) for text in self.bind]

    @property
    def uid(self):
        user = self.settings["user"].value
        if user in (None, ""):
            return os.geteuid()
        return int(user) if str(user).isdigit() else pwd.getpwnam(user).pw_uid

    @property
    def gid(self):
        group = self.settings["group"].value
        if group in (None, ""):
            return os.getegid()
        return int(group) if str(group).isdigit() else grp.getgrnam(group).gr_gid

    user = uid
    group = gid

    @property
    def proc_name(self):
        return self.settings["proc_name"].value or self.default_proc_name

    @property
    def is_ssl(self):
        return None  # what Gunicorn's has without a certificate

    @property
    def ssl_options(self):
        return {name: self.settings[name].value for name in (
            "keyfile", "certfile", "ssl_version", "cert_reqs", "ca_certs",
            "suppress_ragged_eofs", "do_handshake_on_connect", "ciphers")}

    @property
    def env(self):
        return dict(entry.split("=", 1) for entry in self.raw_env)

    @property
    def sendfile(self):
        return self.settings["sendfile"].value is not False

    @property
    def paste_global_conf(self):
        return None

    def forwarded_allow_networks(self):
        return _networks(self.forwarded_allow_ips)

    def proxy_allow_networks(self):
        return _networks(self.proxy_allow_ips)


def of_module(module):
    """Names of a file that may be settings."""
    return {name: value for name, value in vars(module).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)}
