// SPDX-License-Identifier: Apache-2.0
// A service of uWSGI's, out of an ini file or a command line.
#include "cli/site/uwsgi.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/text/number.h"
#include "cli/site/uwsgi_options.h"

namespace monodon::cli {
namespace {

bool is_off(std::string_view value) {
  return value == "false" || value == "0" || value == "no" || value == "off";
}

// "proj/wsgi.py" is the module proj.wsgi, where it is below one of the directories.
std::string module_of(std::string file, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories)
    if (!directory.empty() && file.starts_with(directory + "/")) {
      file.erase(0, directory.size() + 1);
      break;
    }
  if (file.starts_with("./")) file.erase(0, 2);
  if (!file.ends_with(".py")) return file;
  file.erase(file.size() - 3);
  if (!file.starts_with('/')) std::ranges::replace(file, '/', '.');
  return file;
}

class Translator {
 public:
  explicit Translator(std::string of) : of_{std::move(of)} {}

  void take(const UwsgiOptions& options) {
    used_ = options.used;
    for (const auto& [name, value] : options.given)
      if (uwsgi_name(name) == "chdir" || uwsgi_name(name) == "chdir2")
        service_.directory = value;
    if (!service_.directory.empty()) give("--chdir", service_.directory);
    for (const auto& [name, value] : options.given)
      option(std::string{uwsgi_name(name)}, value);
    for (const std::string& told : options.told) tell(told);
  }

  Result<GunicornService> finish() {
    if (!file_.empty()) module_ = module_in(file_);
    use_mounts();
    if (module_.empty())
      return Error{of_ + ": names no application: module, wsgi-file or mount"};
    std::string application = module_;
    if (application.find(':') == std::string::npos)
      application += ":" + (callable_.empty() ? "application" : callable_);
    else if (!callable_.empty())
      application = application.substr(0, application.find(':') + 1) + callable_;
    give_logs();
    give_memory();
    service_.flags.push_back(application);
    settle_variables(service_);
    return std::move(service_);
  }

 private:
  void tell(const std::string& text) { service_.told.push_back(of_ + ": " + text); }

  void give(std::string flag, const std::string& value) {
    service_.flags.push_back(std::move(flag) + "=" + value);
  }

  void option(const std::string& name, const std::string& value) {
    if (const UwsgiOption* const known = find_uwsgi_option(name)) {
      if (known->way == UwsgiOption::Way::flag) {
        give(std::string{known->answer}, value);
      } else if (known->way == UwsgiOption::Way::sure && !is_off(value)) {
        service_.flags.emplace_back(known->answer);
      }
      return;
    }
    if (application(name, value) || listens(name, value) || process(name, value))
      return;
    const std::string_view why = why_not_uwsgi(name);
    if (why.empty() && used_.count(name) != 0) return;
    tell(why.empty()
             ? fmt::format("{} = {}: is not known here, and is left out", name, value)
             : fmt::format("{} = {}: {}", name, value, why));
  }

  bool application(const std::string& name, const std::string& value) {
    if (name == "chdir" || name == "chdir2") return true;
    if (name == "module") {
      module_ = value;
    } else if (name == "wsgi-file") {
      file_ = value;
    } else if (name == "callable") {
      callable_ = value;
    } else if (name == "mount") {
      mounts_.push_back(value);
    } else if (name == "home") {
      service_.python = value + "/bin/python";
    } else {
      return false;
    }
    return true;
  }

  // uWSGI runs such a file where it is; here it is imported by its name.
  std::string module_in(const std::string& file) {
    std::vector<std::string> known{service_.directory};
    for (const std::string& flag : service_.flags)
      if (flag.starts_with("--pythonpath=")) known.push_back(flag.substr(13));
    std::string module = module_of(file, known);
    if (!module.starts_with('/')) return module;
    const std::size_t slash = file.rfind('/');
    give("--pythonpath", file.substr(0, std::max<std::size_t>(slash, 1)));
    module = module.substr(slash + 1);
    tell(fmt::format("wsgi-file = {}: is imported as the module {}, from its directory",
                     file, module));
    return module;
  }

  // "/app=proj/wsgi.py": the application has that part of the path as SCRIPT_NAME. One
  // that is named otherwise has the rest of the paths, and is the service's.
  void use_mounts() {
    for (const std::string& value : mounts_) {
      const std::size_t equals = value.find('=');
      if (!module_.empty()) {
        tell("mount = " + value +
             ": a service has one application; give this one a service of its own");
        continue;
      }
      const std::string path = value.substr(0, equals);
      module_ = module_in(value.substr(equals + 1));
      if (path.size() > 1) give("--env", "SCRIPT_NAME=" + path);
    }
  }

  bool listens(const std::string& name, const std::string& value) {
    if (name == "socket" || name == "http-socket" || name == "http") {
      const std::size_t comma = value.find(',');
      bind(value.substr(0, comma));
      if (name == "socket" && !http_) tell_protocol();
    } else if (name == "protocol") {
      http_ = value == "http";
      if (!http_) tell("protocol = " + value + ": only HTTP is spoken");
    } else if (name == "chmod-socket") {
      give("--socket-mode", value.empty() || value == "true" ? "0666" : value);
    } else if (name == "chown-socket") {
      const std::size_t colon = value.find(':');
      give("--socket-user", value.substr(0, colon));
      if (colon != std::string::npos) give("--socket-group", value.substr(colon + 1));
    } else {
      return false;
    }
    return true;
  }

  void tell_protocol() {
    if (std::exchange(told_protocol_, true)) return;
    tell(
        "socket: HTTP is spoken there, and no uwsgi: in nginx, proxy_pass in place of "
        "uwsgi_pass, with the fields that monodon init writes");
  }

  void bind(const std::string& value) {
    const bool port = value.find(':') != std::string::npos ||
                      value.find_first_not_of("0123456789") == std::string::npos;
    if (!port) return give("--bind", "unix:" + value);
    give("--bind", value.starts_with(':')                 ? "0.0.0.0" + value
                   : value.find(':') == std::string::npos ? "0.0.0.0:" + value
                                                          : value);
  }

  bool process(const std::string& name, const std::string& value) {
    if (name == "processes") {
      give("--workers", value.starts_with('%') || value == "auto" ? "auto" : value);
    } else if (name == "http-keepalive" || name == "so-keepalive") {
      const auto seconds = parse_number(value);  // "true" and 1: as it is here anyway
      if (seconds && *seconds > 1)
        give("--keep-alive", value);
      else
        tell(name + " = " + value +
             (is_off(value)
                  ? ": connections are kept here; keepalive is for how long"
                  : ": connections are kept anyway; keepalive is for how long"));
    } else if (name == "reload-on-rss" || name == "evil-reload-on-rss") {
      memory_[name] = value;
    } else if (name == "buffer-size") {
      const auto size = parse_number(value);
      if (!size || *size <= 8190) return true;  // no more than there is anyway
      give("--limit-request-line",
           std::to_string(std::min<std::uint64_t>(*size, 65536)));
      give("--limit-request-field_size", value);
      tell("buffer-size: limits a line of the head here, and not all of it");
    } else if (name == "logto" || name == "logger" || name == "log-syslog") {
      logger(name,
             name == "log-syslog" ? "syslog:" + (value == "true" ? "" : value) : value);
    } else if (name == "req-logger") {
      logger(name, value);
    } else if (name == "disable-logging") {
      logs_requests_ = is_off(value);
    } else if (name == "daemonize") {
      if (value != "true") logger(name, value);
      tell("daemonize: run it as a service of systemd");
    } else {
      return false;
    }
    return true;
  }

  // "file:/x", "/x", "syslog:web,local6", "rsyslog:host:514,web", each perhaps behind a
  // name of its own: "errors file:/x".
  void logger(const std::string& name, const std::string& value) {
    std::string to = value.substr(value.rfind(' ') + 1);
    const std::size_t colon = std::min(to.find(':'), to.size());
    const std::string kind = to.substr(0, colon);
    std::string& file = name == "req-logger" ? request_log_ : log_file_;
    if (kind == "syslog" || kind == "rsyslog") {
      syslog(name + " = " + value, kind, to.substr(std::min(colon + 1, to.size())));
    } else if (kind == "file") {
      file = to.substr(colon + 1);
    } else if (kind == "stdio" || kind == "fd") {
      file = "-";
    } else if (colon == to.size()) {
      file = to;
    } else {
      tell(
          fmt::format("{} = {}: no such destination is known here; the lines are where "
                      "error_log and access_log say",
                      name, value));
    }
  }

  void syslog(const std::string& option, const std::string& kind, std::string rest) {
    const bool remote = kind == "rsyslog";
    const auto next = [&] {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string item = rest.substr(0, comma);
      rest.erase(0, comma + 1);
      return item;
    };
    std::string address = remote ? next() : "";
    if (remote && address.find(':') == std::string::npos) address += ":514";
    const std::string program = next();
    const std::string facility = remote ? "" : next();
    if (!std::exchange(to_syslog_, true)) service_.flags.emplace_back("--log-syslog");
    give("--log-syslog-to", remote ? "udp://" + address : "unix:///dev/log");
    if (!program.empty()) give("--log-syslog-prefix", program);
    give("--log-syslog-facility", facility.empty() ? "daemon" : facility);
    tell(
        fmt::format("{}: the lines are sent to syslog as well as to error_log, and the "
                    "program in them is gunicorn.{}error and gunicorn.{}access",
                    option, program.empty() ? "" : program + ".",
                    program.empty() ? "" : program + "."));
  }

  // uWSGI's one log has the lines of requests, too, unless these have their own.
  void give_logs() {
    const std::string& requests = request_log_.empty() ? log_file_ : request_log_;
    if (logs_requests_ && (!to_syslog_ || !requests.empty()))
      give("--access-logfile", requests.empty() ? "-" : requests);
    if (!logs_requests_ && to_syslog_)
      service_.flags.emplace_back("--disable-redirect-access-to-syslog");
    if (!log_file_.empty()) give("--error-logfile", log_file_);
  }

  // Of the two limits the one that a worker reaches first.
  void give_memory() {
    if (memory_.empty()) return;
    const auto smaller = [](const auto& one, const auto& other) {
      return parse_number(one.second).value_or(0) <
             parse_number(other.second).value_or(0);
    };
    const auto least = std::min_element(memory_.begin(), memory_.end(), smaller);
    give("--max-memory", least->second + "M");
    tell(
        fmt::format("{} = {}: is max_memory, which counts what a worker does not share "
                    "(PSS)",
                    least->first, least->second));
    for (const auto& [name, value] : memory_)
      if (name != least->first)
        tell(fmt::format("{} = {}: is left out, since {} = {} comes first", name, value,
                         least->first, least->second));
  }

  std::string of_;
  std::set<std::string> used_;
  GunicornService service_;
  std::string module_;
  std::string file_;
  std::string callable_;
  std::vector<std::string> mounts_;
  std::string log_file_;
  std::string request_log_;
  std::map<std::string, std::string> memory_;  // the option, and its megabytes
  bool to_syslog_ = false;
  bool http_ = false;
  bool told_protocol_ = false;
  bool logs_requests_ = true;
};

}  // namespace

UwsgiPlace ini_of_uwsgi(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--ini" && i + 1 < words.size()) return uwsgi_place(words[i + 1]);
    if (words[i].starts_with("--ini=")) return uwsgi_place(words[i].substr(6));
    const UwsgiPlace place = uwsgi_place(words[i]);
    if (place.path.ends_with(".ini") && !words[i].starts_with('-')) return place;
  }
  return {};
}

Result<GunicornService> read_uwsgi_ini(const UwsgiFile& file,
                                       const ReadUwsgiFile& read_file) {
  Translator translator{file.name};
  translator.take(read_uwsgi_options(file, read_file));
  return translator.finish();
}

Result<GunicornService> read_uwsgi_line(const std::vector<std::string>& words,
                                        const UwsgiFile& ini,
                                        const ReadUwsgiFile& read_file) {
  UwsgiOptions options;
  if (!ini.name.empty()) options = read_uwsgi_options(ini, read_file);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with('-')) continue;
    const bool is_long = word.starts_with("--");
    const std::size_t equals = is_long ? word.find('=') : std::string::npos;
    std::string key =
        is_long ? word.substr(2, equals == std::string::npos ? equals : equals - 2)
                : word.substr(1, 1);
    std::string value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    const std::string name{uwsgi_name(key)};
    if (!is_long && word.size() > 2) {
      value = word.substr(2);
    } else if (equals == std::string::npos && uwsgi_takes_value(name) &&
               i + 1 < words.size() && !words[i + 1].starts_with('-')) {
      value = words[++i];
    }
    if (key != "ini") options.given.emplace_back(name, std::move(value));
  }
  Translator translator{"the command line"};
  translator.take(options);
  return translator.finish();
}

}  // namespace monodon::cli
