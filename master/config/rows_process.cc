// SPDX-License-Identifier: Apache-2.0
// The settings of the process: workers, sockets, users, reloads.

#include "master/config/rows.h"

namespace monodon::master::rows {
namespace {

using W = worker::Settings;
using M = Settings;

constexpr Setting kApplication[] = {
    {.key = "application",
     .kind = Kind::text,
     .field = &W::application,
     .doc = "The application, as package.module:callable.",
     .more =
         "The callable is \"application\" when none is named; "
         "\"pkg.mod:factory(1, name='x')\" calls a factory. "
         "\"native:hello\" is the built-in constant answer and \"native:/path.so\" a "
         "shared library. On the command line it is the argument without a flag."},
    {.key = "interface",
     .kind = Kind::choice,
     .field = &W::interface,
     .doc =
         "How the application is called: WSGI, or ASGI for one that is asynchronous.",
     .more =
         "auto: WSGI; an ASGI application is refused, with a sentence that names this "
         "setting. With asgi threads must be 1.",
     .choices = "auto|wsgi|asgi"},
    {.key = "lifespan",
     .kind = Kind::choice,
     .field = &W::lifespan,
     .doc =
         "Whether an ASGI application is told of the start and the end of its worker.",
     .more =
         "In each worker, before it serves. One whose startup fails is not served, and "
         "refuses a reload. auto: an application that raises before it has answered "
         "does not know of it.",
     .choices = "auto|on|off"},
    {.key = "directory",
     .kind = Kind::path,
     .field = &W::directory,
     .doc = "Working directory of the application, first in sys.path but for "
            "python_path.",
     .more =
         "The default is the directory the server was started in. A symbolic link is "
         "resolved again for each reload, so a release can be a link that moves.",
     .flags = "--chdir"},
    {.key = "python",
     .kind = Kind::path,
     .field = &M::python,
     .doc = "Interpreter that runs the application.",
     .more = "By default the first of $VIRTUAL_ENV/bin/python, .venv/bin/python and "
             "venv/bin/python in the directory of the application, and python3 from "
             "PATH."},
    {.key = "python_path",
     .kind = Kind::list,
     .field = &W::python_path,
     .doc = "Directories for sys.path, before the directory of the application.",
     .more = "As with Gunicorn, each is put before those that are there, so the last "
             "one is searched first.",
     .flags = "--pythonpath"},
    {.key = "environment",
     .kind = Kind::list,
     .field = &W::environment,
     .doc = "Environment variables of the application, as NAME=value.",
     .more =
         "They are set before the application is imported. In the file a mapping of "
         "names to values is accepted as well.",
     .flags = "-e,--env",
     .separator = '\0'},
    {.key = "preload",
     .kind = Kind::automatic,
     .field = &W::preload,
     .doc = "Import the application once and fork workers from it.",
     .more =
         "auto does so unless the import leaves something that a fork breaks: threads, "
         "connections, locks, files, child processes, event loops. Then each worker "
         "imports by itself, which is slower to start and takes more memory; monodon "
         "check says which it is, and why. With pre_fork or post_fork set, and with "
         "true, the application is forked in any case, with a warning for each kind of "
         "thing that was left. Reloads bring in new code either way.",
     .flags = "--preload"},
    {.key = "learned_imports",
     .kind = Kind::choice,
     .field = &W::learned_imports,
     .doc = "What a reload does with modules that serving workers imported late.",
     .more = "They are imported together with the new code. refuse: a module of the "
             "application that cannot be imported any more, although its file still "
             "exists, refuses the new code; a module of an installed package is only "
             "reported. tell: both are only reported. off: nothing is learned. Only "
             "with preload.",
     .choices = "refuse|tell|off"},
    {.key = "warm_up",
     .kind = Kind::text,
     .field = &W::warm_up,
     .doc = "Path of one request that is made before the first fork, to fill caches.",
     .more =
         "Only with preload. A failing answer is logged and stops nothing. The host is "
         "\"localhost\"; \"http://host/path\" names another one, and "
         "\"https://host/path\" makes the request look as if it came from a proxy that "
         "ends TLS. If the request leaves connections open, pre_fork can close them."},
    {.key = "pre_fork",
     .kind = Kind::text,
     .field = &W::pre_fork,
     .doc = "Function called once before the first fork, as module:callable.",
     .more = "It takes no argument and is called in the process that imported the "
             "application and made the request of warm_up. Use it to close what all "
             "workers would share: connections, and database clients with their "
             "threads. If it raises, the code is refused like code that cannot be "
             "imported. Only with preload."},
    {.key = "post_fork",
     .kind = Kind::text,
     .field = &W::post_fork,
     .doc = "Function that each worker calls before it serves, as module:callable.",
     .more =
         "Use it for what does not survive a fork: connections, threads, random "
         "numbers. Its argument has slot, generation, pid and threads of the worker. A "
         "worker in which it raises does not serve; a reload is then refused."},
    {.key = "pre_stop",
     .kind = Kind::text,
     .field = &W::pre_stop,
     .doc = "Function that each worker calls after its last request.",
     .more = "Given as module:callable, with the argument of post_fork. What it raises "
             "is logged. A worker that is killed does not call it."},
    {.key = "name",
     .kind = Kind::text,
     .field = &W::name,
     .doc = "Name of this service in process titles.",
     .more = "The default is the name of the application.",
     .flags = "-n,--name"},
};

constexpr Setting kListeners[] = {
    {.key = "bind",
     .kind = Kind::list,
     .field = &M::bind,
     .doc = "Addresses to listen on.",
     .more =
         "unix:/path, unix:@name (abstract), host:port, :port, [ipv6]:port, fd://N (a "
         "socket that the parent process has passed without LISTEN_FDS). Not used if "
         "systemd passes sockets. PORT in the environment means 0.0.0.0:$PORT.",
     .on_reload = OnReload::restart,
     .flags = "-b",
     .environment = "PORT",
     .fallback = "127.0.0.1:8000"},
    {.key = "backlog",
     .kind = Kind::count,
     .field = &M::backlog,
     .doc = "Listen backlog of the sockets that Monodon binds.",
     .more = "The kernel limits it to net.core.somaxconn. A socket from systemd keeps "
             "the Backlog= of its unit.",
     .on_reload = OnReload::restart,
     .smallest = 1,
     .largest = 65535},
    {.key = "socket_mode",
     .kind = Kind::mode,
     .field = &M::socket_mode,
     .doc = "Octal mode of a Unix socket that Monodon binds.",
     .more = "The default is 0777 without the bits of umask, as with Gunicorn.",
     .on_reload = OnReload::restart},
    {.key = "socket_user",
     .kind = Kind::text,
     .field = &M::socket_user,
     .doc = "Owner of a Unix socket that Monodon binds; the default is user.",
     .on_reload = OnReload::restart},
    {.key = "socket_group",
     .kind = Kind::text,
     .field = &M::socket_group,
     .doc = "Group of a Unix socket that Monodon binds; the default is group.",
     .on_reload = OnReload::restart},
};

constexpr Setting kWorkers[] = {
    {.key = "workers",
     .kind = Kind::count,
     .field = &M::workers,
     .doc = "Number of worker processes, or auto.",
     .more = "auto is one for each core that the server may use: the cores of its "
             "affinity, but no more than the quota of its control group (CPUQuota=, "
             "the limit of a container). A reload counts again.",
     .on_reload = OnReload::live,
     .smallest = 1,
     .largest = 512,
     .flags = "-w",
     .environment = "WEB_CONCURRENCY",
     .counts_cores = true},
    {.key = "threads",
     .kind = Kind::count,
     .field = &W::threads,
     .doc = "Application threads of each worker.",
     .more = "With 1 the application always runs in the main thread of its process.",
     .smallest = 1,
     .largest = 256},
    {.key = "boot_timeout",
     .kind = Kind::duration,
     .field = &M::boot_timeout,
     .doc = "Time within which the application must be imported.",
     .on_reload = OnReload::live,
     .smallest = kSecond,
     .largest = kDay},
    {.key = "max_surge",
     .kind = Kind::count,
     .field = &M::max_surge,
     .doc = "Workers above the number of workers while old ones are replaced.",
     .on_reload = OnReload::live,
     .largest = 64},
    {.key = "max_unavailable",
     .kind = Kind::count,
     .field = &M::max_unavailable,
     .doc = "Workers that may be missing while old ones are replaced.",
     .on_reload = OnReload::live,
     .largest = 512},
    {.key = "health_check",
     .kind = Kind::text,
     .field = &W::health_check,
     .doc = "Path of a request that new workers make before they may serve.",
     .more =
         "For a reload: the first worker of the new code, and those that follow, make "
         "it inside themselves. A status of 400 or more, an exception, or no answer "
         "within health_check_timeout refuses the new code, or brings the old code "
         "back. \"http://host/path\" names the host, \"https://host/path\" makes the "
         "request look as if it came from a proxy that ends TLS. Not made at the first "
         "start, nor by workers that replace others of the same code: a database that "
         "is down must not keep workers from starting."},
    {.key = "health_check_timeout",
     .kind = Kind::duration,
     .field = &M::health_check_timeout,
     .doc = "Time within which the health check must be answered.",
     .on_reload = OnReload::workers,
     .smallest = 1,
     .largest = kHour},
    {.key = "rehearse",
     .kind = Kind::count,
     .field = &M::rehearse,
     .doc = "Requests that new code answers before it may serve; off: none.",
     .more = "They are made inside a process that accepts no connections, for paths "
             "that at least three clients asked for lately, with GET and without "
             "query, Cookie, Authorization or anything that looks like a token, and "
             "that were answered well; if there are none, for /. New code that fails "
             "at a request which the old code answers now is refused. The application "
             "sees monodon.rehearsal in the environ, and monodon-rehearsal in "
             "User-Agent. If health_check is set, that is requested instead. If GET "
             "requests of the site change something: off.",
     .largest = 10},
    {.key = "rehearse_timeout",
     .kind = Kind::duration,
     .field = &M::rehearse_timeout,
     .doc = "Time for the rehearsal; an answer that takes longer is not a failure.",
     .smallest = 1,
     .largest = kHour},
    {.key = "observe",
     .kind = Kind::duration,
     .field = &M::observe,
     .doc = "Time for which new code is watched after a reload; 0: not at all.",
     .more = "If one of its workers dies, the old code comes back. The reload is "
             "complete only "
             "after this time. More 5xx than before are only reported, since a "
             "database may "
             "have died; if observe is set, be it to 3s, they bring the old code back "
             "as well.",
     .largest = kDay},
    {.key = "fallback",
     .kind = Kind::duration,
     .field = &M::fallback,
     .doc = "Time after a reload in which the old code can come back; 0: none.",
     .more = "The old code stays in memory. If no worker of the new code can be kept "
             "serving, or three die in a request before any has answered ten, the old "
             "code comes back by itself, once. More 5xx than before are only reported, "
             "and a worker that runs out of memory is not a reason. Set 0 if a "
             "migration makes the old code unusable. Where workers import by "
             "themselves (preload), the old code is only on the disk: it comes back if "
             "each release has a directory of its own.",
     .largest = kDay},
    {.key = "restart_pause",
     .kind = Kind::duration,
     .field = &M::restart_pause,
     .doc = "Pause before a worker that crashed is started again.",
     .more = "It doubles with each crash in a row, up to restart_pause_longest.",
     .on_reload = OnReload::live,
     .smallest = 1,
     .largest = kHour},
    {.key = "restart_pause_longest",
     .kind = Kind::duration,
     .field = &M::restart_pause_longest,
     .doc = "Longest pause between restarts of a worker that crashes again and again.",
     .on_reload = OnReload::live,
     .smallest = 1,
     .largest = kDay},
};

constexpr Setting kRecycling[] = {
    {.key = "max_requests",
     .kind = Kind::count,
     .field = &W::max_requests,
     .doc = "Requests after which a worker is replaced; 0: never.",
     .more = "The replacement serves before the old worker leaves.",
     .largest = kNoLimit},
    {.key = "max_requests_jitter",
     .kind = Kind::count,
     .field = &W::max_requests_jitter,
     .doc = "Up to this much is added to max_requests at random, for each worker.",
     .largest = kNoLimit},
    {.key = "max_lifetime",
     .kind = Kind::duration,
     .field = &W::max_lifetime,
     .doc = "Age at which a worker is replaced; 0: never.",
     .largest = 365 * kDay},
    {.key = "max_memory",
     .kind = Kind::size,
     .field = &W::max_memory,
     .doc = "Memory (PSS) at which a worker is replaced; 0: never.",
     .more =
         "PSS counts a page that n processes share as 1/n of a page, so what "
         "preloading shares is not held against each worker. With a percent sign: "
         "of the memory that the server may use (its control group's limit, as of a "
         "container, or the machine's), divided by the number of workers.",
     .largest = 1024 * 1024 * kMiB,
     .shares_memory = true},
};

constexpr Setting kProcess[] = {
    {.key = "user",
     .kind = Kind::text,
     .field = &M::user,
     .doc = "User to run as, when started as root without systemd's User=.",
     .on_reload = OnReload::restart,
     .flags = "-u"},
    {.key = "group",
     .kind = Kind::text,
     .field = &M::group,
     .doc = "Group to run as; the default is the user's.",
     .on_reload = OnReload::restart,
     .flags = "-g"},
    {.key = "umask",
     .kind = Kind::mode,
     .field = &M::umask,
     .doc = "Octal umask; the default is what was inherited.",
     .more = "As a flag, in GUNICORN_CMD_ARGS and in a gunicorn.conf.py it means what "
             "it means for Gunicorn: it is not for the application's files, and only "
             "sets the mode of a Unix socket, like socket_mode (0007: 0770).",
     .on_reload = OnReload::restart,
     .flags = "-m"},
    {.key = "pid_file",
     .kind = Kind::path,
     .field = &M::pid_file,
     .doc = "File to write the master's process id to.",
     .on_reload = OnReload::restart,
     .flags = "-p,--pid"},
    {.key = "runtime_directory",
     .kind = Kind::path,
     .field = &M::runtime_directory,
     .doc = "Directory of the control socket, for monodon status and monodon reload.",
     .more = "It is made if it does not exist; if that fails, the server does not "
             "start. The default is $RUNTIME_DIRECTORY, which systemd sets from "
             "RuntimeDirectory=; without that it is a directory for this user alone: "
             "$XDG_RUNTIME_DIR/monodon-NAME, else /tmp/monodon-UID/NAME, else "
             "~/.cache/monodon/NAME. The commands look in these places by themselves.",
     .on_reload = OnReload::restart},
};

}  // namespace

std::span<const Setting> application() {
  return kApplication;
}
std::span<const Setting> listeners() {
  return kListeners;
}
std::span<const Setting> workers() {
  return kWorkers;
}
std::span<const Setting> recycling() {
  return kRecycling;
}
std::span<const Setting> process() {
  return kProcess;
}

}  // namespace monodon::master::rows
