// SPDX-License-Identifier: Apache-2.0
// Asks the code of a site about itself, by its own interpreter.
#include "cli/site/site_facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/files/install_paths.h"
#include "base/process/run_program.h"
#include "master/config/code_runner.h"

namespace monodon::cli {
namespace {

using nlohmann::json;

std::string text(const json& facts, const char* key) {
  const auto found = facts.find(key);
  return found != facts.end() && found->is_string() ? found->get<std::string>() : "";
}

bool truth(const json& facts, const char* key) {
  const auto found = facts.find(key);
  return found != facts.end() && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> texts(const json& facts, const char* key) {
  std::vector<std::string> all;
  const auto found = facts.find(key);
  if (found == facts.end() || !found->is_array()) return all;
  for (const json& item : *found) {
    if (item.is_string()) all.push_back(item.get<std::string>());
  }
  return all;
}

// Files of variables may be for root's eyes alone, and what they mean is for systemd to
// say (systemd.exec(5), EnvironmentFile=).
std::vector<std::string> transient_service(const Credentials& user,
                                           const std::vector<std::string>& files) {
  std::vector<std::string> words = {"systemd-run",
                                    "--quiet",
                                    "--wait",
                                    "--pipe",
                                    "--collect",
                                    "--property=RuntimeMaxSec=30",
                                    fmt::format("--property=User={}", user.uid)};
  for (const std::string& file : files)
    words.push_back("--property=EnvironmentFile=-" + file);
  words.emplace_back("--");
  return words;
}

// As nginx's `location` and `alias` want them.
std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string url(const json& facts, const char* key) {
  std::string path = text(facts, key);
  // One on another host is not for this nginx.
  if (path.empty() || path.find("//") != std::string::npos) return {};
  return path.front() == '/' ? path : "/" + path;
}

}  // namespace

Result<SiteFacts> parse_site_facts(const std::string& printed) {
  const json facts = json::parse(printed, nullptr, false);
  if (!facts.is_object()) return Error{"read the site: its facts are no JSON", 0};
  SiteFacts site;
  site.application = text(facts, "application");
  site.django = facts.contains("settings_module");
  site.error = text(facts, "error");
  site.static_url = url(facts, "static_url");
  site.static_root = without_slash(text(facts, "static_root"));
  site.media_url = url(facts, "media_url");
  site.media_root = without_slash(text(facts, "media_root"));
  site.allowed_hosts = texts(facts, "allowed_hosts");
  site.secure_proxy_ssl_header = texts(facts, "secure_proxy_ssl_header");
  site.secure_ssl_redirect = truth(facts, "secure_ssl_redirect");
  site.debug = truth(facts, "debug");
  site.logs_errors = !facts.contains("logs_errors") || truth(facts, "logs_errors");
  site.sqlite = texts(facts, "sqlite");
  return site;
}

Result<SiteFacts> read_site(const std::string& python, const std::string& directory,
                            const std::string& application,
                            const std::vector<std::string>& variables,
                            const std::vector<std::string>& environment_files,
                            const std::string& user) {
  const auto script = master::find_in_libdir("read_site.py");
  if (!script) return script.error();
  const auto runner = master::code_runner(user, {directory, python});
  if (!runner) return runner.error();
  const Credentials* as = runner.value() ? &*runner.value() : nullptr;
  std::vector<std::string> words;
  std::vector<std::string> to_read = environment_files;  // by the script, as the user
  if (as != nullptr && ::access("/run/systemd/system", F_OK) == 0) {
    const auto foreign = std::stable_partition(
        to_read.begin(), to_read.end(),
        [](const std::string& file) { return foreign_content(file).has_value(); });
    words = transient_service(*as, {foreign, to_read.end()});
    to_read.erase(foreign, to_read.end());
    as = nullptr;
  }
  words.emplace_back("env");
  words.insert(words.end(), variables.begin(), variables.end());
  words.insert(words.end(), {python, script.value(), directory, application});
  words.insert(words.end(), to_read.begin(), to_read.end());
  const auto done = run_program(words, std::chrono::seconds{30}, {}, as);
  if (!done) return done.error();
  if (done.value().status != 0) {
    return Error{"read the site with " + python + ":\n" + done.value().errors, 0};
  }
  return parse_site_facts(done.value().output);
}

std::string nginx_user_of(std::string_view configuration) {
  while (!configuration.empty()) {
    const std::size_t end = std::min(configuration.find('\n'), configuration.size());
    std::string_view line = configuration.substr(0, end);
    configuration.remove_prefix(std::min(end + 1, configuration.size()));
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    line.remove_prefix(first);
    if (!line.starts_with("user ") && !line.starts_with("user\t")) continue;
    line.remove_prefix(5);
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) continue;
    line.remove_prefix(begin);
    return std::string{line.substr(0, line.find_first_of(" \t;"))};
  }
  return {};
}

bool has_http2_directive(std::string_view version) {
  constexpr std::array<unsigned, 3> kSince{1, 25, 1};
  constexpr std::string_view kName = "nginx/";
  const std::size_t at = version.find(kName);
  if (at == std::string_view::npos) return false;
  const char* from = version.data() + at + kName.size();
  const char* const end = version.data() + version.size();
  std::array<unsigned, 3> found{};
  for (unsigned& number : found) {
    const auto [rest, error] = std::from_chars(from, end, number);
    if (error != std::errc{}) return false;
    from = rest == end ? rest : rest + 1;  // the dot
  }
  return found >= kSince;
}

}  // namespace monodon::cli
