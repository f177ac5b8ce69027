// SPDX-License-Identifier: Apache-2.0
#include "cli/line/command_line.h"

#include <catch2/catch.hpp>
#include <map>

#include "base/machine/cpu_count.h"
#include "base/version.h"
#include "cli/flags/environment.h"
#include "cli/flags/shell_words.h"
#include "master/config/gunicorn_flags.h"
#include "master/config/table.h"

using namespace monodon;
using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

Parsed parse(Texts arguments, const Variables& variables = {}) {
  return parse_command_line(std::move(arguments), variables);
}

// Settings as `monodon serve` would get them; no file is there to be read.
master::Settings settings(Texts arguments, const Variables& variables = {}) {
  arguments.insert(arguments.begin(), "serve");
  Parsed parsed = parse(std::move(arguments), variables);
  INFO(parsed.error);
  REQUIRE(parsed.invocation);
  CHECK(parsed.invocation->command == Command::serve);
  parsed.invocation->line.config_file = "/dev/null";
  parsed.invocation->line.start_directory = "/";
  auto result = master::load_config(parsed.invocation->line);
  for (const auto& problem : result.problems) UNSCOPED_INFO(problem);
  REQUIRE(result.config);
  return result.config->settings;
}

Parsed refused(Texts arguments, const Variables& variables = {}) {
  arguments.insert(arguments.begin(), "serve");
  Parsed parsed = parse(std::move(arguments), variables);
  CHECK_FALSE(parsed.invocation);
  CHECK(parsed.status == 2);
  return parsed;
}

}  // namespace

TEST_CASE("the line of the site this is built for is understood", "[command_line]") {
  const auto parsed =
      parse({"serve", "--workers", "3", "--bind", "unix:/run/gunicorn/aclarknet.sock",
             "--access-logfile", "/srv/aclarknet/logs/gunicorn-access.log",
             "--error-logfile", "/srv/aclarknet/logs/gunicorn-error.log", "--log-level",
             "info", "aclarknet.wsgi:application"});
  REQUIRE(parsed.invocation);
  std::map<std::string, Texts> got;
  for (const auto& override : parsed.invocation->line.arguments) {
    got[override.key] = override.values;
  }
  CHECK(got == std::map<std::string, Texts>{
                   {"workers", {"3"}},
                   {"bind", {"unix:/run/gunicorn/aclarknet.sock"}},
                   {"access_log", {"/srv/aclarknet/logs/gunicorn-access.log"}},
                   {"error_log", {"/srv/aclarknet/logs/gunicorn-error.log"}},
                   {"log_level", {"info"}},
                   {"application", {"aclarknet.wsgi:application"}}});
}

TEST_CASE("every flag of Gunicorn that matters is taken in each of its forms",
          "[command_line]") {
  const std::string line =
      "-w 2 --threads=4 -k gthread -b 127.0.0.1:9 -b unix:/a,unix:/b --backlog 64 "
      "--max-requests 1000 --max-requests-jitter 50 -t 120 --graceful-timeout 10 "
      "--keep-alive 70 --limit-request-line 8190 --limit-request-fields 200 "
      "--limit-request-field_size 4096 --preload --chdir /tmp -e A=1 -e B=2,3 "
      "-p /tmp/pid --worker-tmp-dir /dev/shm -m 007 "
      "--forwarded-allow-ips 10.0.0.1,10.0.0.2 --access-logfile - "
      "--access-logformat %(h)s --log-file - --log-level DEBUG -n shop "
      "--pythonpath /tmp,/ --forwarder-headers SCRIPT_NAME --header-map refuse "
      "site.wsgi";
  const master::Settings s = settings(shell_words(line).value());
  const worker::Settings& w = s.worker;
  CHECK(s.workers == 2);
  CHECK(w.threads == 4);
  CHECK(s.bind == Texts{"127.0.0.1:9", "unix:/a", "unix:/b"});
  CHECK(s.backlog == 64);
  CHECK(w.max_requests == 1000);
  CHECK(w.max_requests_jitter == 50);
  CHECK(w.request_timeout == 120'000);
  CHECK(w.graceful_timeout == 10'000);
  CHECK(w.keepalive == 70'000);
  CHECK(w.limit_request_line == 8190);
  CHECK(w.limit_request_fields == 200);
  CHECK(w.limit_request_field_size == 4096);
  CHECK(w.preload == "true");
  CHECK(w.directory == "/tmp");
  CHECK(w.environment == Texts{"A=1", "B=2,3"});
  CHECK(s.pid_file == "/tmp/pid");
  CHECK(s.umask == -1);
  CHECK(s.socket_mode == 0770);
  CHECK(w.forwarded_allow_ips == Texts{"10.0.0.1", "10.0.0.2"});
  CHECK(w.access_log == "-");
  CHECK(w.access_log_format == "%(h)s");
  CHECK(w.error_log == "-");
  CHECK(w.log_level == "debug");
  CHECK(w.name == "shop");
  CHECK(w.python_path == Texts{"/tmp", "/"});
  CHECK(w.forwarder_headers == Texts{"SCRIPT_NAME"});
  CHECK(w.header_map == "refuse");
  CHECK(w.application == "site.wsgi:application");
}

TEST_CASE("the last of a repeated flag counts, and lists grow", "[command_line]") {
  const auto s =
      settings({"-w", "2", "--workers", "5", "-b", ":1", "--bind", ":2", "a:b"});
  CHECK(s.workers == 5);
  CHECK(s.bind == Texts{"0.0.0.0:1", "0.0.0.0:2"});
}

TEST_CASE("a value may look like a list and is taken as it is", "[command_line]") {
  CHECK(settings({"-b", "[::1]:80", "a:b"}).bind == Texts{"[::1]:80"});
  CHECK(settings({"--access-logformat", "[%(t)s]", "a:b"}).worker.access_log_format ==
        "[%(t)s]");
  CHECK(settings({"a:factory(1, x='y')"}).worker.application == "a:factory(1, x='y')");
}

TEST_CASE("switches go both ways", "[command_line]") {
  CHECK(settings({"a:b"}).worker.preload == "auto");
  CHECK(settings({"--preload=auto", "a:b"}).worker.preload == "auto");
  CHECK(settings({"--no-preload", "a:b"}).worker.preload == "false");
  CHECK_FALSE(settings({"--no-sendfile", "a:b"}).worker.sendfile);
  CHECK(settings({"--no-preload", "--preload", "a:b"}).worker.preload == "true");
}

TEST_CASE("the environment is read, and the command line wins over it",
          "[command_line]") {
  CHECK(settings({"a:b"}, {{"WEB_CONCURRENCY", "4"}}).workers == 4);
  CHECK(settings({"a:b"}, {{"WEB_CONCURRENCY", ""}}).workers == 1);
  CHECK(settings({"a:b"}, {{"WEB_CONCURRENCY", "3 \r"}}).workers == 3);
  CHECK(settings({"a:b"}, {{"WEB_CONCURRENCY", "auto"}}).workers == usable_cores());
  CHECK(settings({"a:b"}, {{"MONODON_UMASK", "0027"}}).umask == 0027);
  CHECK(settings({"-w", "2", "a:b"}, {{"WEB_CONCURRENCY", "4"}}).workers == 2);
  CHECK(
      settings({"a:b"}, {{"WEB_CONCURRENCY", "4"}, {"MONODON_WORKERS", "5"}}).workers ==
      5);
  CHECK(settings({"a:b"}, {{"PORT", "5000"}}).bind == Texts{"0.0.0.0:5000"});
  CHECK(settings({"-b", ":1", "a:b"}, {{"PORT", "5000"}}).bind == Texts{"0.0.0.0:1"});
  CHECK(settings({"a:b"}, {{"FORWARDED_ALLOW_IPS", "*"}}).worker.forwarded_allow_ips ==
        Texts{"*"});
  for (const char* nobody : {"", " ", ","}) {
    CHECK(settings({"a:b"}, {{"FORWARDED_ALLOW_IPS", nobody}})
              .worker.forwarded_allow_ips.empty());
    CHECK(settings({"a:b"}, {{"MONODON_FORWARDED_ALLOW_IPS", nobody}})
              .worker.forwarded_allow_ips.empty());
    CHECK(settings({"--forwarded-allow-ips", nobody, "a:b"})
              .worker.forwarded_allow_ips.empty());
  }
  CHECK(settings({"a:b"}).worker.forwarder_headers.empty());
  CHECK_FALSE(settings({"a:b"}, {{"SENDFILE", "no"}}).worker.sendfile);

  const Variables arguments{
      {"MONODON_WORKERS", "5"},
      {"GUNICORN_CMD_ARGS", "-w 6 --access-logformat '%(h)s \"%(r)s\"' --env A=b"}};
  const auto s = settings({"a:b"}, arguments);
  CHECK(s.workers == 6);
  CHECK(s.worker.access_log_format == "%(h)s \"%(r)s\"");
  CHECK(s.worker.environment == Texts{"A=b"});
  CHECK(settings({"-w", "7", "a:b"}, arguments).workers == 7);
}

TEST_CASE("SCRIPT_NAME that is no path is told before anything starts",
          "[command_line]") {
  master::CommandLine line;
  CHECK(apply_environment({{"SCRIPT_NAME", "/app"}}, line).empty());
  CHECK(apply_environment({{"SCRIPT_NAME", ""}}, line).empty());
  CHECK(apply_environment({{"SCRIPT_NAME", "app"}}, line) ==
        Texts{"SCRIPT_NAME in the environment: \"app\" is not a path; it begins with "
              "\"/\", or is not set"});
}

TEST_CASE("a misspelt variable is told", "[command_line]") {
  master::CommandLine line;
  (void)apply_environment({{"MONODON_WROKERS", "5"},
                           {"MONODON_ZZZ", ""},
                           {"MONODON_THREADS", "2"},
                           {"MONODON_LIBDIR", "/"},
                           {"HOME", "/"}},
                          line);
  CHECK(line.warnings ==
        Texts{"MONODON_WROKERS in the environment: unknown setting, ignored; did you "
              "mean MONODON_WORKERS?",
              "MONODON_ZZZ in the environment: unknown setting, ignored"});
}

TEST_CASE("wrong use of flags is status 2 and says what to do", "[command_line]") {
  CHECK(refused({"--wrokers", "3", "a:b"}).error ==
        "monodon: --wrokers: unknown flag; did you mean --workers?\n"
        "See: monodon serve --help\n");
  CHECK(refused({"--frobnicate", "a:b"})
            .error.starts_with("monodon: --frobnicate: unknown flag\n"));
  CHECK(refused({"a:b", "-w1", "c:d"})
            .error.starts_with("monodon: c:d: only one application"));
  CHECK(refused({"a:b", "--workers"}).error.starts_with("monodon: --workers"));
  CHECK_THAT(
      refused({"-k", "uvicorn.workers.UvicornWorker", "a:b"}).error,
      Catch::Contains("it is for ASGI applications, which interface: asgi serves"));
  CHECK(refused({"-k", "gevent", "a:b"}).error.find("sync and gthread") !=
        std::string::npos);
  CHECK(refused({"a:b"}, {{"GUNICORN_CMD_ARGS", "--nope"}})
            .error.starts_with("monodon: GUNICORN_CMD_ARGS: --nope: unknown flag"));
  CHECK(refused({"a:b"}, {{"GUNICORN_CMD_ARGS", "-n 'x"}})
            .error.starts_with("monodon: GUNICORN_CMD_ARGS: has no closing '"));
  CHECK(
      parse({"site.wsgi:app"})
          .error.starts_with(
              "monodon: site.wsgi:app: is not a command; did you mean monodon serve"));
  CHECK(parse({"site.wsgi:app"}).status == 2);
  CHECK(parse({"serv"}).error.starts_with(
      "monodon: serv: is not a command; did you mean serve?\n"));
  CHECK(parse({"STATUS"})
            .error.starts_with(
                "monodon: STATUS: is not a command; did you mean status?\n"));
  CHECK(parse({"s\x1b[2J"}).error.starts_with("monodon: s\\x1b[2J: is not a command"));
  CHECK(parse({"status", "-c"})
            .error.starts_with(
                "monodon: status: --config: needs a value: --config PATH\n"));
  CHECK(parse({}).status == 2);
  for (const Texts& wrong : {Texts{"generate"}, Texts{"generate", "html"}})
    CHECK(parse(wrong).error.starts_with("monodon: generate: say what: yaml, man, "));
}

TEST_CASE("each other flag of Gunicorn is recognised and answered", "[command_line]") {
  for (const master::GunicornFlag& flag : master::gunicorn_flags()) {
    std::string_view names = flag.names;
    while (!names.empty()) {
      const std::size_t comma = std::min(names.find(','), names.size());
      const std::string name{names.substr(0, comma)};
      names.remove_prefix(std::min(comma + 1, names.size()));
      INFO(name);
      const std::string told =
          std::string{flag.name()} + ": " + std::string{flag.answer};
      Texts arguments{name};
      if (flag.takes_value)
        arguments.push_back(flag.name() == "--protocol" ? "uwsgi" : "value");
      arguments.push_back("a:b");
      if (flag.other_service) {
        CHECK(refused(arguments).error.find(told) != std::string::npos);
        continue;
      }
      arguments.insert(arguments.begin(), "serve");
      // Without a value the flag must not swallow the application.
      const Parsed parsed = parse(arguments);
      REQUIRE(parsed.invocation);
      const auto& line = parsed.invocation->line;
      const Texts all = flag.becomes.empty() ? Texts{told} : Texts{};
      CHECK((flag.harmless ? line.notes : line.warnings) == all);
      CHECK(line.arguments.at(0).values == Texts{"a:b"});
      if (flag.becomes.empty()) continue;
      CHECK(line.arguments.at(1).key == flag.becomes);
      CHECK(line.arguments.at(1).values ==
            Texts{flag.value.empty() ? "value" : std::string{flag.value}});
    }
  }
}

TEST_CASE("the help of dev tells its own defaults", "[command_line]") {
  const std::string threads = "Application threads of each worker. [";
  CHECK(parse({"dev", "--help"}).output.find(threads + "4]") != std::string::npos);
  CHECK(parse({"serve", "--help"}).output.find(threads + "4]") == std::string::npos);
}

TEST_CASE("every setting has a flag, a variable and a place in the help",
          "[command_line]") {
  const std::string help = parse({"serve", "--help"}).output;
  for (const auto& group : master::setting_groups()) {
    for (const auto& setting : group.settings) {
      INFO(setting.key);
      if (setting.key == "application") continue;
      CHECK(help.find(master::long_flag(setting)) != std::string::npos);
    }
  }
  CHECK(help.find("daemon") == std::string::npos);
  for (std::size_t at = 0; at < help.size();) {
    const std::size_t end = std::min(help.find('\n', at), help.size());
    INFO(help.substr(at, end - at));
    CHECK(end - at <= 88);
    at = end + 1;
  }
}

TEST_CASE("the other commands are told apart", "[command_line]") {
  CHECK(parse({"--help"}).status == 0);
  CHECK(parse({"--version"}).output == "monodon " MONODON_VERSION "\n");
  CHECK(parse({"version"}).output == "monodon " MONODON_VERSION "\n");
  CHECK(parse({"serve", "-v"}).output == "monodon " MONODON_VERSION "\n");

  const auto check = parse({"check", "--no-app", "--print", "-w", "3", "a:b"});
  REQUIRE(check.invocation);
  CHECK(check.invocation->command == Command::check);
  CHECK_FALSE(check.invocation->check.import_application);
  CHECK(check.invocation->check.print);
  CHECK(check.invocation->line.arguments.size() == 2);

  CHECK(parse({"serve", "--check-config", "a:b"}).invocation->command ==
        Command::check);
  CHECK(parse({"serve", "--check-config", "a:b"}).invocation->check.one_status);
  CHECK(parse({"serve", "--print-config", "a:b"}).invocation->check.print);

  const auto status = parse({"status", "--json", "--control", "/run/x/control.sock"});
  REQUIRE(status.invocation);
  CHECK(status.invocation->command == Command::status);
  CHECK(status.invocation->control.json);
  CHECK(status.invocation->control.control == "/run/x/control.sock");
  CHECK(parse({"reload", "-c", "a.yaml"}).invocation->control.config_file == "a.yaml");
  CHECK(parse({"generate", "man"}).invocation->what == "man");
}

TEST_CASE("what was mistyped is told with what was meant", "[command_line]") {
  const auto error = [](Texts arguments) { return parse(std::move(arguments)).error; };
  CHECK(error({"status", "--jsno"})
            .starts_with(
                "monodon: status: --jsno: unknown flag; did you mean --json?\n"));
  CHECK(error({"trace", "--timeot", "3"}).find("did you mean --timeout?") !=
        std::string::npos);
  CHECK(error({"reload", "--no-wiat"}).find("did you mean --no-wait?") !=
        std::string::npos);
  CHECK(error({"doctor", "--jsn"}).find("did you mean --json?") != std::string::npos);
  CHECK(error({"top", "-x"}).starts_with("monodon: top: -x: unknown flag\n"));
  CHECK(error({"chek"}).find("did you mean check?") != std::string::npos);
  CHECK(error({"serve", "--versoin"}).find("did you mean --version?") !=
        std::string::npos);
  CHECK(error({"serve", "--host", "0.0.0.0"}).find("use --bind") != std::string::npos);
  CHECK(error({"top", "--sort", "memroy"}).find("did you mean memory?") !=
        std::string::npos);
  CHECK(error({"top", "--delay", "0"})
            .find("0 is no number of seconds from 0.1 to 3600") != std::string::npos);
  CHECK(error({"reload", "--timeout", "-1"}).find("1.79") == std::string::npos);
  CHECK(error({"status", "a", "b"}).find("status: b: one argument too many") !=
        std::string::npos);
}

TEST_CASE("a command that talks to a server takes the name of the site",
          "[command_line]") {
  for (const char* name : {"status", "reload", "upgrade", "top", "trace"}) {
    INFO(name);
    const Parsed parsed = parse({name, "shop"});
    REQUIRE(parsed.invocation);
    CHECK(parsed.invocation->control.site == "shop");
  }
  const Parsed trace = parse({"trace", "shop", "0", "3", "--all"});
  REQUIRE(trace.invocation);
  CHECK(trace.invocation->control.site == "shop");
  CHECK(trace.invocation->control.slots == std::vector<std::uint32_t>{0, 3});
  CHECK(trace.invocation->control.everything);
  CHECK(parse({"trace", "a", "b"}).status == 2);
  const Parsed scale = parse({"scale", "shop", "5"});
  REQUIRE(scale.invocation);
  CHECK(scale.invocation->control.site == "shop");
  CHECK(scale.invocation->control.workers == 5);
  CHECK(parse({"scale", "5"}).invocation->control.workers == 5);
  for (const Texts& wrong : {Texts{"scale"}, Texts{"scale", "0"}, Texts{"scale", "x"},
                             Texts{"scale", "a", "b", "3"}, Texts{"scale", "1025"}})
    CHECK_THAT(parse(wrong).error, Catch::EndsWith("See: monodon scale --help\n"));
}

TEST_CASE("the usage shows what may be left out", "[command_line]") {
  const auto usage = [](const char* command) {
    const std::string text = parse({command, "--help"}).output;
    const std::size_t begin = text.find("Usage: ");
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  CHECK(usage("serve") == "Usage: monodon serve [OPTIONS] [APP_MODULE]");
  CHECK(usage("init") == "Usage: monodon init [OPTIONS] [name]");
  CHECK(usage("status") == "Usage: monodon status [OPTIONS] [SITE]");
  CHECK(usage("trace") == "Usage: monodon trace [OPTIONS] [SITE] [SLOT...]");
  CHECK(usage("scale") == "Usage: monodon scale [OPTIONS] [SITE] N");
  const std::string help = parse({"help"}).output;
  CHECK(help.find("Commands:") != std::string::npos);
  CHECK(help.find("Subcommands") == std::string::npos);
  CHECK(parse({"help", "top"}).output == parse({"top", "--help"}).output);
  CHECK(parse({"-V"}).output == parse({"--version"}).output);
}
