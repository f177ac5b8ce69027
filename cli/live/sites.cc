// SPDX-License-Identifier: Apache-2.0
// The servers of this machine, and who they are.
#include "cli/live/sites.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/files/runtime_directory.h"
#include "base/net/unix_address.h"
#include "base/text/number.h"

namespace monodon::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};  // with one that may hang

std::vector<std::string> matches(const std::string& pattern) {
  std::vector<std::string> found;
  glob_t paths{};
  (void)::glob(pattern.c_str(), 0, nullptr, &paths);
  for (std::size_t i = 0; i < paths.gl_pathc; ++i)
    found.emplace_back(paths.gl_pathv[i]);
  ::globfree(&paths);
  return found;
}

void add(std::vector<std::string>& to, std::string path) {
  // monodon-control@SITE.socket leads to the same server as the service's own.
  std::string own = path;
  if (own.starts_with("/run/monodon/")) own[12] = '-';
  for (const std::string& known : {own, path})
    if (std::find(to.begin(), to.end(), known) != to.end()) return;
  to.push_back(std::move(path));
}

// Whether a master listens there: other programs have a control.sock as well, and are
// not to be bothered with our orders.
bool is_masters(const std::string& path) {
  const auto address = UnixAddress::of_path(path);
  const UniqueFd probe{
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!address || !probe ||
      ::connect(probe.get(), address->data(), address->size()) != 0)
    return false;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return false;
  std::ifstream file{fmt::format("/proc/{}/cmdline", peer.pid)};
  const std::string title{std::istreambuf_iterator<char>{file}, {}};
  return title.starts_with("monodon: master");
}

std::string user_directory() {
  const char* const given = std::getenv("XDG_RUNTIME_DIR");
  return given != nullptr && given[0] == '/' ? given
                                             : fmt::format("/run/user/{}", ::geteuid());
}

std::uint32_t owner_of_process(std::int64_t pid) {
  struct stat about {};
  return ::stat(fmt::format("/proc/{}", pid).c_str(), &about) == 0 ? about.st_uid : 0;
}

// "shop" of /run/monodon-shop/control.sock, /run/monodon/shop/control.sock.
std::string name_in(const std::string& path) {
  std::string name = std::filesystem::path{path}.parent_path().filename();
  if (name.starts_with("monodon-")) name.erase(0, 8);
  return name;
}

void read_introduction(LiveSite& site) {
  const auto json = nlohmann::json::parse(site.answer.line, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  site.application = text("application");
  site.directory = text("directory");
  site.config = text("config");
  site.name = text("site");
  if (site.name.empty()) site.name = site.application;
  if (site.name.empty()) site.why = "its answer makes no sense";
  if (!json.is_object()) return;
  if (const auto pid = json.find("pid");
      pid != json.end() && pid->is_number_integer()) {
    site.pid = pid->get<std::int64_t>();
    site.uid = owner_of_process(site.pid);
  }
  const auto listeners = json.find("listeners");
  if (listeners == json.end() || !listeners->is_array()) return;
  for (const auto& one : *listeners)
    if (const auto address = one.find("address");
        one.is_object() && address != one.end() && address->is_string())
      site.addresses.push_back(address->get<std::string>());
}

// `word` is "8000" or ":8000".
bool listens_on_port(std::string_view address, std::string_view word) {
  if (word.starts_with(':')) word.remove_prefix(1);
  if (address.starts_with("unix:") || !parse_number(word, UINT16_MAX)) return false;
  return address.ends_with(word) &&
         address.substr(0, address.size() - word.size()).ends_with(':');
}

}  // namespace

std::vector<std::string> control_sockets(bool others) {
  std::vector<std::string> all;
  for (const char* pattern :
       {"/run/monodon*/control.sock", "/run/monodon*/*/control.sock"})
    for (std::string& path : matches(pattern)) add(all, std::move(path));
  // RuntimeDirectory= of a unit may have any name.
  std::vector<std::string> candidates;
  for (const char* pattern : {"/run/*/control.sock", "/run/*/*/control.sock"})
    for (std::string& path : matches(pattern))
      if (!path.starts_with("/run/user/")) candidates.push_back(std::move(path));
  for (const char* pattern : {"/*/control.sock", "/*/*/control.sock"})
    for (std::string& path : matches(user_directory() + pattern))
      candidates.push_back(std::move(path));
  for (std::string& path : candidates)
    if (std::find(all.begin(), all.end(), path) == all.end() && is_masters(path))
      add(all, std::move(path));
  for (std::string& path : answering_control_sockets()) add(all, std::move(path));
  if (others && ::geteuid() == 0)
    for (std::string& path : answering_control_sockets_of_others())
      add(all, std::move(path));
  return all;
}

std::vector<LiveSite> introduce(const std::vector<std::string>& paths) {
  std::vector<LiveSite> sites;
  std::vector<std::optional<Conversation>> talks;
  for (const std::string& path : paths) {
    LiveSite& site = sites.emplace_back();
    site.path = path;
    site.likely = name_in(path);
    auto talk = Conversation::begin(path, R"({"op":"status"})");
    if (!talk) site.why = talk.error().message();
    talks.emplace_back();
    if (talk) talks.back().emplace(std::move(talk).value());
  }
  const auto until = Clock::now() + kPatience;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (!talks[i]) continue;
    auto answer = talks[i]->next(until);
    if (!answer) {
      sites[i].why = answer.error().message();
      continue;
    }
    sites[i].answer = std::move(answer).value();
    read_introduction(sites[i]);
  }
  return sites;
}

bool is_called(const LiveSite& site, std::string_view word) {
  if (word.ends_with(".service")) word.remove_suffix(8);
  if (word.starts_with("monodon@")) word.remove_prefix(8);
  if (word.empty()) return false;
  // "mysite" and "mysite.wsgi" are mysite.wsgi:application, too.
  if (site.name.empty()) return site.likely == word;
  const std::string_view application = site.application;
  const bool begins =
      application.starts_with(word) &&
      (application.size() == word.size() || application[word.size()] == '.' ||
       application[word.size()] == ':');
  return site.name == word || begins ||
         (site.pid != 0 && word == std::to_string(site.pid)) ||
         std::ranges::any_of(site.addresses, [&](const std::string& address) {
           return address == word || listens_on_port(address, word);
         });
}

}  // namespace monodon::cli
