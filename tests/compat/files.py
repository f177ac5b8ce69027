# SPDX-License-Identifier: Apache-2.0
"""Files of settings after the patterns that real ones have. VALUES are read by both, and
the settings compared."""

VALUES = [
    "workers = 3\nbind = '127.0.0.1:8000'\n",
    "bind = ['127.0.0.1:8001', 'unix:/tmp/x.sock']\nworkers = 2\nthreads = 4\n",
    "import multiprocessing\nworkers = min(multiprocessing.cpu_count() * 2 + 1, 9)\n",
    "import os\nbind = f\"0.0.0.0:{os.environ.get('SOME_PORT', '8000')}\"\n",
    "import os\nworkers = int(os.environ.get('WEB_CONCURRENCY', 1))\n",
    "timeout = 120\ngraceful_timeout = 20\nkeepalive = 5\n",
    "loglevel = 'DEBUG'\naccesslog = '-'\nerrorlog = '-'\n",
    "accesslog = '/tmp/a.log'\naccess_log_format = '%(h)s %(l)s \"%(r)s\" %(s)s %({x}i)s'\n",
    "max_requests = 1000\nmax_requests_jitter = 50\npreload_app = True\n",
    "worker_class = 'gthread'\nthreads = 2\nworker_connections = 1000\n",
    "worker_tmp_dir = '/dev/shm'\nworkers = 2\n",
    "umask = 0o007\nbind = 'unix:/tmp/a.sock'\n",
    "umask = '0x7'\nbind = 'unix:/tmp/a.sock'\n",
    "raw_env = ['A=1', 'DJANGO_SETTINGS_MODULE=site.settings']\n",
    "forwarded_allow_ips = '10.0.0.1,10.1.0.0/16'\n",
    "limit_request_line = 8000\nlimit_request_fields = 32\nlimit_request_field_size = 4000\n",
    "backlog = 512\npidfile = '/tmp/site.pid'\n",
    "pythonpath = '/tmp,/usr'\n",
    "workers = '4'\nthreads = '0x2'\n",
    "workers = True\n",
    "class Site:\n    port = 8012\n\nbind = f'127.0.0.1:{Site.port}'\n",
    "def count():\n    return 3\n\nworkers = count()\nDEBUG = False\nname = 'x'\n",
    "from pathlib import Path\nbase = Path('/tmp')\naccesslog = str(base / 'a.log')\n",
    "protocol = 'http'\nreload_engine = 'auto'\ncertfile = None\nkeyfile = None\n",
    "import os\nos.environ['FROM_FILE'] = '1'\nworkers = 2\ncapture_output = False\n",
    "locals().update(workers=3, threads=2)\n",
    "chdir = '/tmp'\nproc_name = 'shop'\n",
    "reload = False\ndaemon = False\nspew = False\nproxy_protocol = False\n",
    "proxy_protocol = True\nproxy_allow_ips = '10.0.0.0/8'\nroot_path = '/api'\n",
    "statsd_host = '127.0.0.1:8125'\nstatsd_prefix = 'shop'\ndogstatsd_tags = 'a:b'\n",
    "syslog = True\nsyslog_addr = 'udp://127.0.0.1:514'\nsyslog_facility = 'local0'\n",
]

# Run by both: (the file, what else is in the directory). Each hook calls tell().
TELL = """
import os
def tell(*words):
    fd = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, (" ".join(map(str, words)) + "\\n").encode())
    os.close(fd)
"""

HOOKS = {
    "when_ready": "def when_ready(server):\n"
                  "    tell('when_ready', server.cfg.workers, server.cfg.timeout, len(server.cfg.bind))\n",
    "on_starting": "def on_starting(server):\n    tell('on_starting', server.num_workers)\n",
    "post_fork": "def post_fork(server, worker):\n"
                 "    server.log.info('Worker spawned (pid: %s)', worker.pid)\n"
                 "    tell('post_fork', worker.age, worker.pid == os.getpid(), worker.nr)\n",
    "pre_fork": "def pre_fork(server, worker):\n    tell('pre_fork', worker.age, worker.pid)\n",
    "post_worker_init": "def post_worker_init(worker):\n"
                        "    tell('init', worker.app.callable.__name__, worker.booted is not None)\n",
    "worker_exit": "def worker_exit(server, worker):\n"
                   "    tell('worker_exit', worker.age, worker.nr >= 0)\n",
    "numbers of workers": "def on_starting(server):\n    server.overload = set()\n"
        "def nworkers_changed(server, new, old):\n    server.numbers = set(range(1, new + 1))\n"
        "def pre_fork(server, worker):\n"
        "    used = {one.number for one in server.WORKERS.values() if one.alive}\n"
        "    worker.number = (server.numbers - used).pop()\n"
        "def post_fork(server, worker):\n"
        "    os.environ['WORKER_ID'] = str(worker.number)\n    tell(os.environ['WORKER_ID'])\n"
        "def child_exit(server, worker):\n    tell('gone', worker.number)\n",
    "a server of metrics": "import http.server, threading, urllib.request\n"
        "class Page(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n        self.send_response(204)\n        self.end_headers()\n"
        "    def log_message(self, *_):\n        pass\n"
        "def when_ready(server):\n"
        "    server.page = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Page)\n"
        "    threading.Thread(target=server.page.serve_forever, daemon=True).start()\n"
        "def post_worker_init(worker):\n    pass\n"
        "def post_fork(server, worker):\n"
        "    port = server.page.server_address[1]\n"
        "    tell(urllib.request.urlopen(f'http://127.0.0.1:{port}', timeout=5).status)\n",
    "variables of on_starting": "SEEN = {}\nFLAG = None\n"
        "def on_starting(server):\n    global FLAG\n    FLAG = 7\n    SEEN['a'] = 1\n"
        "    server.started = 3\n    os.environ['BY_HOOK'] = 'yes'\n"
        "def post_fork(server, worker):\n"
        "    tell(FLAG, SEEN, server.started, os.environ['BY_HOOK'])\n",
    "child_exit": "def child_exit(server, worker):\n    tell('child_exit', worker.age)\n",
    "pre_request": "def pre_request(worker, req):\n"
                   "    tell('pre_request', req.method, req.path, req.query, req.uri)\n",
    "post_request": "def post_request(worker, req, environ, resp):\n"
                    "    tell('post', req.path, environ['PATH_INFO'], resp.status, resp.sent)\n",
    "post_request of three": "def post_request(worker, req, environ):\n"
                             "    tell('post', req.method, environ['QUERY_STRING'])\n",
    "post_request of two": "def post_request(worker, req):\n    tell('post', req.uri)\n",
    "dotted": "import sys\nsys.path.insert(0, os.getcwd())\npost_worker_init = 'hooks.init'\n",
    "a lambda": "when_ready = lambda server: tell('lambda', server.cfg.worker_class_str)\n",
    "an object": "class Hook:\n    def __call__(self, server):\n        tell('object')\n"
                 "    def method(self, server):\n        tell('method', server.cfg.keepalive > 0)\n"
                 "when_ready = Hook().method\n",
    "timing": "import time\ndef pre_request(worker, req):\n    req.began = time.time()\n"
              "def post_request(worker, req, environ, resp):\n"
              "    tell('took', time.time() - req.began < 10, resp.status)\n",
    "headers": "def pre_request(worker, req):\n"
               "    tell('host', dict(req.headers)['HOST'].split(':')[0], req.scheme)\n",
    "environ": "os.environ['FROM_FILE'] = 'yes'\n"
               "def post_fork(server, worker):\n    tell('env', os.environ['FROM_FILE'])\n",
    "settings": "def when_ready(server):\n"
                "    tell('n', len(server.cfg.settings) > 90, server.cfg.is_ssl,\n"
                "         server.cfg.settings['threads'].get(), server.cfg.proc_name)\n",
    "address": "def when_ready(server):\n    tell('address', server.address == server.cfg.address)\n",
    "log levels": "def when_ready(server):\n"
                  "    for level in ('debug', 'info', 'warning', 'error', 'critical'):\n"
                  "        getattr(server.log, level)('SAY %s', level)\n"
                  "    server.log.log('info', 'SAY by %s', 'name')\n    tell('done')\n",
    "nworkers_changed": "def nworkers_changed(server, now, before):\n"
                        "    tell('nworkers', now, before)\n",
    "on_exit": "def child_exit(server, worker):\n    tell('child')\n"
               "def on_exit(server):\n    server.log.info('SAY exit')\n    tell('exit')\n",
    "a thread that watches the workers": "import threading, time\n"
        "def when_ready(server):\n"
        "    def watch():\n"
        "        while not server.WORKERS:\n            time.sleep(0.01)\n"
        "        (pid, worker), = list(server.WORKERS.items())\n"
        "        tell(pid == worker.pid, worker.age, type(worker).__name__)\n"
        "    thread = threading.Thread(target=watch, daemon=True)\n    thread.start()\n"
        "def post_request(worker, req):\n    pass\n",
    "names of the process": "def on_starting(server):\n"
        "    tell(server.cfg.default_proc_name, server.cfg.proc_name, server.proc_name)\n",
    "the application in the arbiter": "import sys\nsys.path.insert(0, os.getcwd())\n"
        "def on_starting(server):\n    tell(server.app.wsgi().__name__, server.app.app_uri)\n",
    "a worker_class by its path": "worker_class = 'gunicorn.workers.sync.SyncWorker'\nthreads = 2\n"
        "def on_starting(server):\n    tell(server.cfg.worker_class_str)\n"
        "    tell(server.cfg.worker_class.__name__, server.cfg.worker_class.__module__)\n",
    "orders to the arbiter": "def when_ready(server):\n    server.wakeup()\n    server.reap_workers()\n"
        "    tell(server.num_workers, len(server.WORKERS))\n",
    "all of Gunicorn's example": "def nworkers_changed(server, now, before):\n    tell(now)\n"
        "def pre_exec(server):\n    tell('pre_exec')\n"
        "def worker_int(worker):\n    tell('int')\n"
        "def worker_abort(worker):\n    tell('abort')\n"
        "def on_reload(server):\n    tell('reload')\n"
        "def on_starting(server):\n    tell('starting')\n"
        "def worker_exit(server, worker):\n    tell('worker_exit')\n"
        "def on_exit(server):\n    tell('exit')\n",
    "a changed request": "def pre_request(worker, req):\n"
                         "    req.headers.append(('X-ADDED', 'yes'))\n"
                         "    req.headers = [h for h in req.headers if h[0] != 'USER-AGENT']\n"
                         "def post_request(worker, req, environ, resp):\n"
                         "    tell(environ.get('HTTP_X_ADDED'), environ.get('HTTP_USER_AGENT'),\n"
                         "         resp.status_code, resp.headers, resp.headers_sent)\n",
    "an application around": "def post_worker_init(worker):\n    inner = worker.wsgi\n"
                             "    def around(environ, start_response):\n"
                             "        tell('around', environ['PATH_INFO'])\n"
                             "        return inner(environ, start_response)\n"
                             "    worker.wsgi = around\n",
    "names of objects": "def on_starting(server):\n"
                        "    tell(type(server).__name__, len(server.SIGNALS), server.log.datefmt)\n"
                        "def pre_fork(server, worker):\n    tell(worker, type(worker).__name__)\n"
                        "def post_fork(server, worker):\n"
                        "    tell(worker.alive, worker.aborted, worker.reloader)\n",
    "counters shared by workers": "import multiprocessing, threading, time\n"
        "count = multiprocessing.Value('i', 0)\nlast = multiprocessing.Value('d', 0)\n"
        "def pre_request(worker, req):\n    with count.get_lock():\n        count.value += 1\n"
        "def post_request(worker, req, environ, resp):\n"
        "    last.value = time.time()\n"
        "    with count.get_lock():\n        count.value += 10\n"
        "def when_ready(server):\n"
        "    threading.Thread(target=watch, args=(server,), daemon=True).start()\n"
        "def watch(server):\n    while count.value < 11:\n        time.sleep(0.01)\n"
        "    tell('watch', count.value, last.value > 0)\n"
        "def worker_exit(server, worker):\n    time.sleep(0.3)\n",
    "a profiler on the worker": "import cProfile\n"
        "def pre_request(worker, req):\n    worker.profiler = cProfile.Profile()\n"
        "    worker.profiler.enable()\n"
        "def post_request(worker, req, environ, resp):\n    worker.profiler.disable()\n"
        "    tell(bool(worker.profiler.getstats()), resp.status, resp.response_length)\n",
    "a registry of hooks": "import collections\nregistry = collections.defaultdict(list)\n"
        "def hook(name):\n    def add(function):\n        registry[name].append(function)\n"
        "        return function\n    return add\n"
        "@hook('when_ready')\ndef first(server):\n    tell('first', server.cfg.workers)\n"
        "@hook('when_ready')\ndef second(server):\n    tell('second', server.cfg.reload)\n"
        "def when_ready(server):\n    for one in registry['when_ready']:\n        one(server)\n",
    "a worker that is no longer alive": "def post_request(worker, req, environ, resp):\n"
        "    tell(worker.alive)\n    worker.alive = False\n    tell(worker.alive)\n",
    "settings of a dataclass": "from dataclasses import asdict, dataclass\n@dataclass\n"
        "class Config:\n    threads: int = 2\n    timeout: int = 45\n    proc_name: str = 'shop'\n"
        "for _key, _value in asdict(Config()).items():\n    globals()[_key] = _value\n"
        "def when_ready(server):\n"
        "    tell(server.cfg.threads, server.cfg.timeout, server.cfg.proc_name, server.proc_name)\n",
    "settings of variables": "import os\nos.environ['GUNICORN_TIMEOUT'] = '77'\n"
        "for _name, _value in list(os.environ.items()):\n"
        "    if _name.startswith('GUNICORN_'):\n"
        "        locals()[_name.split('_', 1)[1].lower()] = _value\n"
        "def when_ready(server):\n    tell(server.cfg.timeout, server.timeout)\n",
    "names in capitals": "WORKERS = 9\nTimeout = 3\n"
        "def when_ready(server):\n    tell(server.cfg.timeout, server.cfg.workers)\n",
    "a pidfile": "pidfile = 'site.pid'\ndef when_ready(server):\n"
        "    tell(os.path.basename(server.pidfile.fname), server.pidfile.pid == server.pid,\n"
        "         open('site.pid').read().strip() == str(server.pid))\n",
    "an application around both": "def post_worker_init(worker):\n"
        "    inner = worker.app.callable\n    def around(environ, start_response):\n"
        "        tell('around', environ['PATH_INFO'])\n"
        "        return inner(environ, start_response)\n"
        "    worker.app.callable = worker.wsgi = around\n",
    "wsgi_app": "wsgi_app = 'app:app'\ndef when_ready(server):\n"
        "    tell(server.cfg.wsgi_app, server.app.app_uri)\n",
    "raw_env": "raw_env = ['A=b=c', 'EMPTY=']\n"
        "def when_ready(server):\n    tell(server.cfg.env, os.environ['A'], os.environ['EMPTY'])\n",
    "a signal of its own": "import signal\ndef post_worker_init(worker):\n"
        "    signal.signal(signal.SIGUSR2, lambda *_: tell('usr2', worker.pid == os.getpid()))\n"
        "    os.kill(os.getpid(), signal.SIGUSR2)\n",
    "gc and limits": "import gc, resource\npreload_app = True\n"
        "def when_ready(server):\n    gc.freeze()\n"
        "def post_fork(server, worker):\n    os.nice(1)\n"
        "    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "    tell(gc.get_freeze_count() > 0, os.nice(0) >= 1)\n",
    "a worker with threads": "threads = 4\nworker_class = 'gthread'\n"
        "def post_worker_init(worker):\n"
        "    tell(type(worker).__name__, worker.worker_connections, worker.nr_conns,\n"
        "         worker.cfg.worker_class_str, worker.max_keepalived)\n"
        "def post_request(worker, req, environ, resp):\n    tell(worker.nr_conns)\n",
    "sockets": "import socket\ndef post_fork(server, worker):\n"
        "    one, = worker.sockets\n"
        "    tell(one.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), one.family,\n"
        "         os.path.basename(one.getsockname()), one.get_backlog(), one.fileno() > 2)\n",
    "all of cfg": "def when_ready(server):\n    cfg = server.cfg\n"
        "    for name in ('accesslog', 'errorlog', 'loglevel', 'user', 'group', 'umask', 'daemon',\n"
        "                 'pidfile', 'worker_tmp_dir', 'max_requests', 'preload_app', 'sendfile',\n"
        "                 'reuse_port', 'pythonpath', 'backlog', 'limit_request_line', 'header_map',\n"
        "                 'limit_request_fields', 'limit_request_field_size', 'capture_output',\n"
        "                 'statsd_host', 'dogstatsd_tags', 'syslog', 'syslog_addr', 'syslog_prefix',\n"
        "                 'logconfig', 'logconfig_dict', 'is_ssl', 'uid', 'gid',\n"
        "                 'keyfile', 'proxy_protocol', 'root_path', 'graceful_timeout', 'initgroups'):\n"
        "        tell(name, getattr(cfg, name))\n",
    "limits of a request": "def pre_request(worker, req):\n"
        "    tell(req.limit_request_fields, req.limit_request_field_size, req.fragment, req.trailers,\n"
        "         req.version, req.scheme, req.req_number, req.proxy_protocol_info)\n",
    "a partial, from JSON": "import functools, json\n"
                            "globals().update(json.loads('{\"timeout\": 60}'))\n"
                            "def _hook(what, server):\n    tell(what, server.cfg.timeout)\n"
                            "when_ready = functools.partial(_hook, 'partial')\n",
    "logconfig_dict": "logconfig_dict = {'formatters': {'mine': {'format': 'SAY mine %(message)s'}},\n"
                      "  'handlers': {'out': {'class': 'logging.StreamHandler',\n"
                      "                       'formatter': 'mine', 'stream': 'ext://sys.stderr'},\n"
                      "               'console': {'class': 'logging.NullHandler'},\n"
                      "               'error_console': {'class': 'logging.NullHandler'}},\n"
                      "  'loggers': {'shop': {'level': 'INFO', 'handlers': ['out']}}}\n"
                      "def post_worker_init(worker):\n    import logging\n"
                      "    logging.getLogger('shop').info('of the shop')\n    tell('logged')\n",
}

# The line of a request, where the site has a say in it.
FORMAT = "access_log_format = 'SAY %(m)s %(U)s %(q)s %(s)s %(b)s %({host}i)s %({content-type}o)s %(x)s'\n"
_DICT = """
logconfig_dict = {'version': 1, 'disable_existing_loggers': False,
  'formatters': {'a': {'format': 'SAY a %(name)s %(levelname)s %(message)s'}},
  'filters': {'no': {'()': 'hooks.Without', 'part': 'PART'}},
  'handlers': {'console': {'class': 'logging.StreamHandler', 'formatter': 'a',
                           'stream': 'ext://sys.stdout'},
               'error_console': {'class': 'logging.NullHandler'},
               'b': {'class': 'logging.StreamHandler', 'formatter': 'a', 'filters': ['no'],
                     'stream': 'ext://sys.stdout'}},
  'loggers': {'gunicorn.access': {'level': 'INFO', 'propagate': False, 'handlers': ['console', 'b']}}}
import sys
sys.path.insert(0, os.getcwd())
def when_ready(server):
    tell('ready')
"""
_FILTER = """
import logging
def %s:
    class Filter(logging.Filter):
        def filter(self, record):
            tell(record.args['U'], record.args['s'], type(record.args['D']).__name__,
                 record.getMessage())
            return '%s' not in record.getMessage()
    logging.getLogger('gunicorn.access').addFilter(Filter())
"""
ACCESS = {
    "a dict and no accesslog": FORMAT + _DICT,
    "a dict and accesslog": FORMAT + "accesslog = '-'\n" + _DICT.replace("PART", "/a/b"),
    "a dict without loggers": FORMAT + _DICT[:_DICT.index("  'loggers'")] +
                              "  'root': {'level': 'INFO', 'handlers': ['error_console']}}\n"
                              "def when_ready(server):\n    tell('ready')\n",
    "a filter that takes it away": FORMAT + "accesslog = '-'\n" + _FILTER % ("when_ready(server)", "/a"),
    "a filter of one worker": FORMAT + "accesslog = '-'\n" + _FILTER % ("post_fork(server, worker)", "/other"),
    "a filter of a handler": FORMAT + "accesslog = '-'\nimport logging\n"
        "def post_worker_init(worker):\n    tell('init')\n"
        "    for one in logging.getLogger('gunicorn.access').handlers:\n"
        "        one.addFilter(lambda record: '/a/b' not in record.getMessage())\n",
    "a formatter": FORMAT + "accesslog = '-'\nimport logging\ndef when_ready(server):\n    tell('ready')\n"
        "    for one in logging.getLogger('gunicorn.access').handlers:\n"
        "        one.setFormatter(logging.Formatter('{\"SAY\": \"%(message)s\"}'))\n",
    "handlers of the root": FORMAT + "accesslog = '-'\nimport logging, sys\n"
        "def post_worker_init(worker):\n    tell('init')\n"
        "    logging.basicConfig(format='SAY %(name)s %(message)s', stream=sys.stdout, level='INFO')\n"
        "    log = logging.getLogger('gunicorn.access')\n    log.handlers.clear()\n"
        "    log.handlers.extend(logging.root.handlers)\n",
    "no handlers, propagated": FORMAT + "accesslog = '-'\nimport logging, sys\n"
        "def post_fork(server, worker):\n    tell('fork')\n"
        "    logging.basicConfig(format='SAY %(name)s %(message)s', stream=sys.stdout, level='INFO')\n"
        "    log = logging.getLogger('gunicorn.access')\n    log.handlers = []\n"
        "    log.propagate = True\n",
    "a level": FORMAT + "accesslog = '-'\nimport logging\ndef when_ready(server):\n    tell('ready')\n"
        "    logging.getLogger('gunicorn.access').setLevel('WARNING')\n",
    "a handler of its own": FORMAT + "accesslog = '-'\nimport logging\nclass Mine(logging.Handler):\n"
        "    def emit(self, record):\n        tell('mine', record.getMessage())\n"
        "def when_ready(server):\n    logging.getLogger('gunicorn.access').addHandler(Mine())\n",
}

# With Gunicorn's own modules, as far as the environment has them.
OF_GUNICORN = {
    "a logger_class": "from gunicorn import glogging\n"
                      "class Mine(glogging.Logger):\n"
                      "    def setup(self, cfg):\n        super().setup(cfg)\n"
                      "        self.info('SAY set up')\n"
                      "logger_class = Mine\n"
                      "def when_ready(server):\n    server.log.info('SAY ready')\n    tell('ready')\n",
    "a logger_class of JSON": FORMAT + "accesslog = '-'\nimport json, logging\n"
        "from gunicorn import glogging\nclass Form(logging.Formatter):\n"
        "    def format(self, record):\n"
        "        return json.dumps({'SAY': record.getMessage(), 'level': record.levelname})\n"
        "class Mine(glogging.Logger):\n    def setup(self, cfg):\n        super().setup(cfg)\n"
        "        self._set_handler(self.access_log, cfg.accesslog, Form())\n"
        "logger_class = Mine\ndef when_ready(server):\n    tell('ready')\n",
    "a logger_class with a format": "import logging\nfrom gunicorn import glogging\n"
        "class Mine(glogging.Logger):\n"
        "    error_fmt = 'mine %(levelname)s %(message)s'\n"
        "logger_class = Mine\n"
        "def when_ready(server):\n    server.log.warning('SAY mine')\n    tell('ready')\n",
    "a logger_class with its own access()": FORMAT + "accesslog = '-'\n"
        "from gunicorn import glogging\nclass Mine(glogging.Logger):\n"
        "    def access(self, resp, req, environ, request_time):\n"
        "        tell(resp.status, resp.sent, req.path, request_time.seconds)\n"
        "        if req.path != '/a/b':\n"
        "            super().access(resp, req, environ, request_time)\n"
        "logger_class = Mine\n",
    "a logger_class with its own atoms()": FORMAT + "accesslog = '-'\n"
        "from gunicorn.glogging import Logger\nclass Mine(Logger):\n"
        "    def atoms(self, resp, req, environ, request_time):\n        tell('atoms')\n"
        "        return super().atoms(resp, req, environ, request_time) | {'x': 'mine'}\n"
        "    def now(self):\n        return 'now'\n"
        "logger_class = Mine\n",
    "a filter in setup()": FORMAT + "accesslog = '-'\nimport logging\n"
        "from gunicorn import glogging\nclass Checks(logging.Filter):\n"
        "    def filter(self, record):\n        tell(record.args.get('r'))\n"
        "        return '/a/b' not in record.args.get('r')\n"
        "class Mine(glogging.Logger):\n    def setup(self, cfg):\n        super().setup(cfg)\n"
        "        logging.getLogger('gunicorn.access').addFilter(Checks())\n"
        "logger_class = Mine\n",
    "handlers in place of Gunicorn's": FORMAT + "accesslog = '-'\nimport logging\n"
        "from gunicorn.glogging import Logger\nclass Intercept(logging.Handler):\n"
        "    def emit(self, record):\n        if 'SAY' in record.getMessage():\n"
        "            tell(record.name, record.levelname, record.getMessage())\n"
        "class Mine(Logger):\n    def setup(self, cfg):\n        super().setup(cfg)\n"
        "        self.error_log.handlers = [Intercept()]\n"
        "        self.access_log.handlers = [Intercept()]\n"
        "logger_class = Mine\n"
        "def when_ready(server):\n    server.log.info('SAY ready')\n",
    "a formatter for each handler in setup()": FORMAT + "accesslog = '-'\nimport logging\n"
        "from gunicorn.glogging import Logger\n"
        "class Mine(Logger):\n    def setup(self, cfg):\n        super().setup(cfg)\n"
        "        form = logging.Formatter('SAY %(levelname)s %(name)s %(message)s')\n"
        "        for one in self.access_log.handlers:\n            one.setFormatter(form)\n"
        "logger_class = Mine\ndef when_ready(server):\n    tell('ready')\n",
    "a filter of each handler in setup()": FORMAT + "accesslog = '-'\n"
        "from gunicorn.glogging import Logger\n"
        "class Mine(Logger):\n    def setup(self, cfg):\n        super().setup(cfg)\n"
        "        for one in self.access_log.handlers:\n"
        "            one.addFilter(lambda record: tell('asked') or '/a/b' not in record.getMessage())\n"
        "logger_class = Mine\n",
    "an access() without accesslog": "from gunicorn.glogging import Logger\nclass Mine(Logger):\n"
        "    def access(self, resp, req, environ, request_time):\n"
        "        self.info('SAY %s %s', req.uri, resp.status_code)\n        tell('access')\n"
        "logger_class = Mine\n",
    "what hooks take their arguments for": "from gunicorn.arbiter import Arbiter\n"
        "from gunicorn.workers.base import Worker\n"
        "def when_ready(server):\n"
        "    tell(isinstance(server, Arbiter), server.cfg.logger_class.__name__)\n"
        "def post_fork(server, worker):\n"
        "    tell(isinstance(worker, Worker), isinstance(worker, Arbiter))\n",
    "util": "from gunicorn import util\n"
            "def post_fork(server, worker):\n    util.seed()\n    tell(util.parse_address('a:1'))\n",
}
