// SPDX-License-Identifier: Apache-2.0
#include "master/config/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace monodon::master;

namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

// A working directory of its own for each test.
struct Site {
  fs::path path;
  CommandLine line;

  Site() {
    std::string name = fs::temp_directory_path() / "monodon-config-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    line.start_directory = name;
    argument("application", "site.wsgi");
  }
  ~Site() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  void file(const std::string& name, const std::string& text) const {
    std::ofstream{path / name} << text;
  }
  void argument(const std::string& key, const std::string& value) {
    line.arguments.push_back({key, {value}, "--" + key});
  }
  void variable(const std::string& key, const std::string& value,
                const std::string& name) {
    line.environment.push_back({key, {value}, name});
  }
  LoadedConfig load() const {
    auto result = load_config(line);
    for (const auto& problem : result.problems) UNSCOPED_INFO(problem);
    REQUIRE(result.config);
    return *result.config;
  }
  Texts problems() const {
    auto result = load_config(line);
    CHECK_FALSE(result.config);
    return result.problems;
  }
};

}  // namespace

TEST_CASE("later sources win: file, environment, command line", "[config]") {
  Site site;
  site.file("monodon.yaml", "workers: 2\nthreads: 2\nbacklog: 2\n");
  site.variable("threads", "3", "MONODON_THREADS");
  site.variable("backlog", "3", "MONODON_BACKLOG");
  site.argument("backlog", "4");
  const LoadedConfig config = site.load();
  CHECK(config.settings.workers == 2);
  CHECK(config.settings.worker.workers == 2);
  CHECK(config.settings.worker.threads == 3);
  CHECK(config.settings.backlog == 4);
  CHECK(config.config_file == (site.path / "monodon.yaml").string());
  CHECK(config.config_text.starts_with("workers: 2"));
}

TEST_CASE("a variable that others set too says when it beats the file", "[config]") {
  Site site;
  site.file("monodon.yaml", "workers: 2\n");
  site.variable("workers", "5", "WEB_CONCURRENCY");
  const LoadedConfig config = site.load();
  CHECK(config.settings.workers == 5);
  REQUIRE(config.notes.size() == 1);
  CHECK(config.notes[0] == "workers: WEB_CONCURRENCY in the environment replaces " +
                               (site.path / "monodon.yaml").string() + ":1:1");
}

TEST_CASE("the same command line reads a changed file anew", "[config]") {
  Site site;
  site.file("monodon.yaml", "workers: 2\n");
  const LoadedConfig first = site.load();
  site.file("monodon.yaml", "workers: 3\n");
  const ConfigResult second = load_config(first.command_line);
  REQUIRE(second.config);
  CHECK(second.config->settings.workers == 3);
  site.file("monodon.yaml", "workers: x\n");
  CHECK_FALSE(load_config(first.command_line).config);
}

TEST_CASE("what is left out is filled in", "[config]") {
  Site site;
  const Settings s = site.load().settings;
  CHECK(s.worker.application == "site.wsgi:application");
  CHECK(s.worker.name == "site.wsgi:application");
  CHECK(s.worker.directory == site.path.string());
  CHECK(s.bind == Texts{"127.0.0.1:8000"});
  CHECK(s.socket_mode == 0777);
  CHECK(s.worker.forwarded_allow_ips == Texts{"127.0.0.1", "::1"});
  CHECK(s.worker.access_log_format ==
        R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")");
}

TEST_CASE("a file in YAML has PEP 3333 in place of Gunicorn's leniency", "[config]") {
  Site site;
  CHECK(site.load().settings.worker.hop_by_hop == "drop");
  site.file("monodon.yaml", "workers: 2\n");
  CHECK(site.load().settings.worker.hop_by_hop == "refuse");
  site.file("monodon.yaml", "hop_by_hop: drop\n");
  CHECK(site.load().settings.worker.hop_by_hop == "drop");
}

TEST_CASE("relative paths mean the directory of the application", "[config]") {
  Site site;
  fs::create_directories(site.path / "site" / "log");
  site.argument("directory", "site");
  site.argument("access_log", "log/access.log");
  site.argument("error_log", "-");
  site.argument("bind", "unix:run.sock");
  site.argument("umask", "0007");
  site.argument("limit_request_line", "0");
  const Settings s = site.load().settings;
  const std::string base = site.path / "site";
  CHECK(s.worker.directory == base);
  CHECK(s.worker.access_log == base + "/log/access.log");
  CHECK(s.worker.error_log == "-");
  CHECK(s.bind == Texts{"unix:" + base + "/run.sock"});
  CHECK(s.socket_mode == 0770);
  CHECK(s.worker.limit_request_line == 65536);
}

TEST_CASE("problems of every source are told together, with their origin", "[config]") {
  Site site;
  site.file("monodon.yaml", "workes: 2\nmax_surge: 0\n");
  site.argument("threads", "x");
  const std::string file = site.path / "monodon.yaml";
  CHECK(site.problems() ==
        Texts{file + ":1:1: workes: unknown setting; did you mean workers?",
              "--threads: \"x\" is not a whole number",
              file +
                  ":2:1: max_surge: 0 with max_unavailable 0 leaves no way to replace "
                  "a worker; one of them must be at least 1"});
}

TEST_CASE("a file named monodon.yaml goes before gunicorn.conf.py", "[config]") {
  Site site;
  site.file("gunicorn.conf.py", "workers = nonsense\n");
  site.file("monodon.yaml", "workers: 2\n");
  CHECK(site.load().settings.workers == 2);
  site.line.config_file = "/dev/null";
  CHECK(site.load().config_file == "/dev/null");
}

TEST_CASE("a file that was asked for must be there", "[config]") {
  Site site;
  site.line.config_file = "missing.yaml";
  CHECK(site.problems() == Texts{"read " + (site.path / "missing.yaml").string() +
                                 ": No such file or directory"});
  site.file("large.yaml", std::string(2 * 1024 * 1024, '#'));
  site.line.config_file = "large.yaml";
  CHECK(site.problems().size() == 1);
  // What holds no settings says nothing of what is missing among them.
  site.file("passwd", "root:x:0:0:root:/root:/bin/bash\n");
  site.line.config_file = "passwd";
  site.line.arguments.clear();
  CHECK(site.problems() ==
        Texts{(site.path / "passwd").string() +
              ":1:1: must be settings, a line each: \"workers: 3\""});
}
