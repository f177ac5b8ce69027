// SPDX-License-Identifier: Apache-2.0
#include "cli/site/uwsgi.h"

#include <catch2/catch.hpp>

#include "cli/site/uwsgi_options.h"

using namespace monodon;
using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

bool tells(const GunicornService& service, const std::string& word) {
  for (const std::string& told : service.told)
    if (told.find(word) != std::string::npos) return true;
  return false;
}

Result<GunicornService> read_site(const std::string& text,
                                  const std::string& directory = "/x") {
  return read_uwsgi_ini({text, "site.ini", directory, {}});
}

}  // namespace

TEST_CASE("an ini file of uWSGI's becomes flags of ours", "[uwsgi]") {
  const auto read = read_site(
      "# a site\n[uwsgi]\nproject = shop\nbase = /srv/%(project)\n"
      "chdir = %(base)\nhome = %(base)/env\nmodule = %(project).wsgi:application\n"
      "master = true\nprocesses = 4\nthreads = 2\ncheaper = 2\n"
      "harakiri = 20\nmax-requests = 5000\nreload-on-rss = 256\n"
      "socket = /run/%n.sock\nchmod-socket = 660\nchown-socket = web:www-data\n"
      "uid = web\ngid = web\nvacuum = true\nenv = A=b\nstatic-map = /static=/srv/s\n"
      "touch-reload = %d%n.touch\nbuffer-size = 32768\ndie-on-term = true\n"
      "lazy-apps = true\ndisable-logging = true\nspooler = /x\nfrobnicate = 3\n"
      "[other]\nprocesses = 99\n",
      "/etc/uwsgi");
  REQUIRE(read);
  const GunicornService& service = read.value();
  CHECK(service.directory == "/srv/shop");
  CHECK(service.python == "/srv/shop/env/bin/python");
  CHECK(service.flags ==
        Texts{"--chdir=/srv/shop", "--workers=4", "--threads=2", "--timeout=20",
              "--max-requests=5000", "--bind=unix:/run/site.sock", "--socket-mode=660",
              "--socket-user=web", "--socket-group=www-data", "--user=web",
              "--group=web", "--env=A=b", "--static=/static=/srv/s",
              "--limit-request-line=32768", "--limit-request-field_size=32768",
              "--no-preload", "--max-memory=256M", "shop.wsgi:application"});
  for (const char* word : {"cheaper", "proxy_pass", "reload-on-rss", "spooler",
                           "frobnicate = 3", "/etc/uwsgi/site.touch"})
    CHECK(tells(service, word));
  CHECK_FALSE(tells(service, "vacuum"));
  CHECK_FALSE(tells(service, "project"));
}

TEST_CASE("an application of uWSGI's is a module, a file or a mount", "[uwsgi]") {
  for (const auto& [lines, application] :
       {std::pair{"module = a.wsgi", "a.wsgi:application"},
        std::pair{"wsgi = a.wsgi\ncallable = app", "a.wsgi:app"},
        std::pair{"wsgi-file = a/wsgi.py", "a.wsgi:application"},
        std::pair{"wsgi-file = /srv/app.py\nchdir = /srv\ncallable = app", "app:app"},
        std::pair{"mount = /shop=a/wsgi.py\nmanage-script-name = true",
                  "a.wsgi:application"},
        std::pair{"module = django.core.handlers.wsgi:WSGIHandler()",
                  "django.core.handlers.wsgi:WSGIHandler()"}}) {
    INFO(lines);
    const auto read = read_site(std::string{"[uwsgi]\n"} + lines);
    REQUIRE(read);
    CHECK(read.value().flags.back() == application);
  }
  const auto mounted = read_site("[uwsgi]\nmount = /shop=a:b\nmount = /two=c:d\n");
  REQUIRE(mounted);
  CHECK(mounted.value().flags.front() == "--env=SCRIPT_NAME=/shop");
  CHECK(tells(mounted.value(), "/two=c:d"));
  CHECK_FALSE(read_site("[uwsgi]\nprocesses = 4\n"));
}

TEST_CASE("a command line of uWSGI's is read", "[uwsgi]") {
  const Texts words{"--http", ":8000",    "-w",       "a.wsgi",
                    "-p4",    "-M",       "--master", "--threads=2",
                    "-H",     "/srv/env", "-L",       "--py-autoreload",
                    "1"};
  const auto read = read_uwsgi_line(words, {});
  REQUIRE(read);
  CHECK(read.value().flags == Texts{"--bind=0.0.0.0:8000", "--workers=4", "--threads=2",
                                    "--reload", "a.wsgi:application"});
  CHECK(read.value().python == "/srv/env/bin/python");
  CHECK(read.value().told.empty());
}

TEST_CASE("words of a line stand beside the ini file that it names", "[uwsgi]") {
  const Texts words{"--ini", "/etc/uwsgi/site.ini", "--processes", "8"};
  CHECK(ini_of_uwsgi(words).path == "/etc/uwsgi/site.ini");
  CHECK(ini_of_uwsgi({"site.ini"}).path == "site.ini");
  CHECK(ini_of_uwsgi({"site.ini:prod"}).path == "site.ini");
  CHECK(ini_of_uwsgi({"site.ini:prod"}).section == "prod");
  CHECK(ini_of_uwsgi({"--module", "a"}).path.empty());
  const auto read =
      read_uwsgi_line(words, {.text = "[uwsgi]\nmodule = a:b\nprocesses = 2\n",
                              .name = "site.ini",
                              .directory = "/etc/uwsgi",
                              .section = {}});
  REQUIRE(read);
  CHECK(read.value().flags ==
        Texts{"--workers=2", "--workers=8", "--access-logfile=-", "a:b"});
}

TEST_CASE("HTTP on a socket of uWSGI's is no difference", "[uwsgi]") {
  for (const char* lines : {"http-socket = :80", "protocol = http\nsocket = :80"}) {
    const auto read = read_site(std::string{"[uwsgi]\nmodule=a:b\n"} + lines + "\n");
    REQUIRE(read);
    CHECK(read.value().told.empty());
    CHECK(read.value().flags.front() == "--bind=0.0.0.0:80");
  }
}

TEST_CASE("each name of an option of uWSGI's leads to one that is known", "[uwsgi]") {
  CHECK(uwsgi_name("p") == "processes");
  CHECK(uwsgi_name("virtualenv") == "home");
  CHECK(uwsgi_takes_value("processes"));
  CHECK_FALSE(uwsgi_takes_value("master"));
  CHECK_FALSE(why_not_uwsgi("cheaper-initial").empty());
  CHECK(why_not_uwsgi("frobnicate").empty());
}

TEST_CASE("loops of an ini file are run, conditions told, variables left to us",
          "[uwsgi]") {
  const auto read = read_site(
      "[uwsgi]\nmodule = a.wsgi\nmount = /other=b.py\nprocesses = %k\n"
      "http = :$(PORT)\nhttp-keepalive =\nhttp-keepalive = true\nfor = x y\nenv = "
      "%(_)_SET=1\nendfor =\n"
      "if-env = DEBUG\npy-autoreload = 1\nendif =\nenv = CORES=%k\nenv = F=%p\n",
      "/etc");
  REQUIRE(read);
  CHECK(read.value().flags == Texts{"--workers=auto", "--env=x_SET=1", "--env=y_SET=1",
                                    "--env=CORES=%k", "--env=F=/etc/site.ini",
                                    "--access-logfile=-", "a.wsgi:application"});
  for (const char* word :
       {"mount = /other=b.py: a service has one",
        "since only uWSGI knows whether if-env", "%k is known to uWSGI only",
        "without it monodon listens at $PORT"})
    CHECK(tells(read.value(), word));
}

TEST_CASE("a file of uWSGI's may include others, and sections of its own", "[uwsgi]") {
  const ReadUwsgiFile disk = [](const std::string& path) {
    return path == "/etc/base.ini"
               ? std::string{"[uwsgi]\nmodule = a:b\nenv = AT=%p\nini = base.ini\n"
                             "[prod]\nprocesses = 8\n"}
               : std::string{};
  };
  const auto flags = [&](const std::string& text, const std::string& section) {
    const auto read = read_uwsgi_ini({text, "site.ini", "/etc", section}, disk);
    REQUIRE(read);
    return read.value().flags;
  };
  CHECK(
      flags("[uwsgi]\nini = base.ini\nini = base.ini:prod\nthreads = 2\n", "").at(0) ==
      "--env=AT=/etc/base.ini");
  const Texts prod = flags(
      "[uwsgi]\nprocesses = 1\n[prod]\nini = :common\n"
      "[common]\nmodule = c:d\nthreads = 2\n",
      "prod");
  CHECK(prod == Texts{"--threads=2", "--access-logfile=-", "c:d"});
  const auto missing =
      read_uwsgi_ini({"[uwsgi]\nmodule = a:b\nini = none.ini\ninherit = base.ini:x\n",
                      "site.ini",
                      "/etc",
                      {}},
                     disk);
  CHECK(tells(missing.value(), "ini = none.ini: cannot be read here"));
  CHECK(tells(missing.value(), "inherit = base.ini:x: has no section [x]"));
}

TEST_CASE("a wsgi-file anywhere is a module in its directory, or below the path",
          "[uwsgi]") {
  const auto alone = read_site("[uwsgi]\nwsgi-file = /srv/shop/proj/wsgi.py\n");
  CHECK(alone.value().flags ==
        Texts{"--pythonpath=/srv/shop/proj", "--access-logfile=-", "wsgi:application"});
  CHECK(tells(alone.value(), "is imported as the module wsgi, from its directory"));
  const auto below = read_site(
      "[uwsgi]\nwsgi-file = /srv/shop/proj/wsgi.py\npythonpath = /srv/shop\n");
  CHECK(below.value().flags ==
        Texts{"--pythonpath=/srv/shop", "--access-logfile=-", "proj.wsgi:application"});
}

TEST_CASE("of two limits of memory the smaller one counts, by its name", "[uwsgi]") {
  for (const char* lines : {"reload-on-rss = 512\nevil-reload-on-rss = 1024\n",
                            "evil-reload-on-rss = 1024\nreload-on-rss = 512\n"}) {
    const auto read = read_site("[uwsgi]\nmodule = a\n" + std::string{lines});
    REQUIRE(read);
    const Texts& flags = read.value().flags;
    CHECK(std::count(flags.begin(), flags.end(), "--max-memory=512M") == 1);
    CHECK(std::count(flags.begin(), flags.end(), "--max-memory=1024M") == 0);
    CHECK(tells(read.value(), "reload-on-rss = 512: is max_memory"));
    CHECK(tells(read.value(), "evil-reload-on-rss = 1024: is left out"));
  }
}

TEST_CASE("a log of uWSGI's is a file, syslog, or told", "[uwsgi]") {
  const auto flags = [](const std::string& lines) {
    Texts all = read_site("[uwsgi]\nmodule = a\n" + lines + "\n").value().flags;
    all.pop_back();
    return all;
  };
  const Texts file{"--access-logfile=/x", "--error-logfile=/x"};
  for (const char* line :
       {"logger = file:/x", "logger = errors file:/x", "logto = /x", "daemonize = /x"})
    CHECK(flags(line) == file);
  CHECK(flags("logger = file:/x\nreq-logger = file:/y") ==
        Texts{"--access-logfile=/y", "--error-logfile=/x"});
  const Texts local{"--log-syslog", "--log-syslog-to=unix:///dev/log",
                    "--log-syslog-prefix=web", "--log-syslog-facility=local6"};
  CHECK(flags("logger = syslog:web,local6") == local);
  CHECK(flags("log-syslog = web,local6") == local);
  CHECK(flags("disable-logging = true\nlogger = rsyslog:10.0.0.1:5140,web") ==
        Texts{"--log-syslog", "--log-syslog-to=udp://10.0.0.1:5140",
              "--log-syslog-prefix=web", "--log-syslog-facility=daemon",
              "--disable-redirect-access-to-syslog"});
  for (const char* line : {"logger = redislog:127.0.0.1:6379", "logto = 10.0.0.1:1717",
                           "daemonize = 10.0.0.1:1717", "logger = socket:/x"}) {
    INFO(line);
    CHECK(flags(line) == Texts{"--access-logfile=-"});
    CHECK(tells(read_site(std::string{"[uwsgi]\nmodule = a\n"} + line).value(), line));
  }
  for (const char* line : {"post-buffering = 1", "http-keepalive = 1"})
    CHECK(tells(read_site(std::string{"[uwsgi]\nmodule = a\n"} + line).value(), line));
}
