// SPDX-License-Identifier: Apache-2.0
// Evidence about sockets beside that of the site, and about who has the address for
// metrics.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "base/text/number.h"
#include "base/text/text.h"
#include "cli/doctor/gather.h"
#include "cli/flags/shell_words.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> fields(std::string_view line) {
  std::vector<std::string> all;
  std::size_t at = 0;
  while ((at = line.find_first_not_of(' ', at)) != std::string_view::npos) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    all.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return all;
}

// Of who listens under a process number.
std::string describe(const std::string& pid) {
  const std::string name{
      without_final_newlines(read_file(fmt::format("/proc/{}/comm", pid)))};
  const std::string groups = read_file(fmt::format("/proc/{}/cgroup", pid));
  const std::string group{last_line(groups)};
  const std::string unit = group.substr(group.rfind('/') + 1);
  if (!unit.ends_with(".service")) return fmt::format("{} (pid {})", name, pid);
  return fmt::format("{} ({}, pid {})", unit, name, pid);
}

bool is_of(const std::string& pid, const Properties& service) {
  const std::string group = property(service, "ControlGroup");
  const std::string all = read_file(fmt::format("/proc/{}/cgroup", pid));
  return !group.empty() && (all.find(":" + group + "\n") != std::string::npos ||
                            all.find(":" + group + "/") != std::string::npos);
}

// Who has the socket, if none of the service has; "" also where we may not look.
std::string holder_of(const std::string& inode, const Properties& service) {
  const std::string link = fmt::format("socket:[{}]", inode);
  std::string stranger;
  std::error_code error;
  for (const auto& process : fs::directory_iterator{"/proc", error}) {
    const std::string pid = process.path().filename();
    if (pid == "1" || pid.find_first_not_of("0123456789") != std::string::npos)
      continue;
    for (const auto& fd : fs::directory_iterator{process.path() / "fd", error}) {
      if (fs::read_symlink(fd.path(), error) != link) continue;
      if (is_of(pid, service)) return {};
      if (stranger.empty()) stranger = describe(pid);
    }
  }
  return stranger;
}

// The sockets of the site's service, but for its own.
std::vector<std::string> other_sockets(const Evidence& e) {
  std::vector<std::string> names;
  if (auto all = shell_words(property(e.service, "TriggeredBy")))
    names = std::move(all).value();
  if (e.service_name.starts_with("monodon@"))
    for (const char* kind : {"metrics", "control"})
      names.push_back(fmt::format("monodon-{}@{}.socket", kind, e.site));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::erase(names, e.socket_name);
  return names;
}

}  // namespace

std::string listening_inode(std::string_view proc_net_tcp, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const auto port = parse_number(address.substr(colon + 1));
  if (colon == std::string::npos || !port) return {};
  std::string host = address.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  in_addr number{};
  if (::inet_pton(AF_INET, host.c_str(), &number) != 1) return {};
  const std::string mine = fmt::format("{:08X}:{:04X}", number.s_addr, *port);
  const std::string everywhere = fmt::format("00000000:{:04X}", *port);
  while (!proc_net_tcp.empty()) {
    const std::size_t end = std::min(proc_net_tcp.find('\n'), proc_net_tcp.size());
    const std::vector<std::string> line = fields(proc_net_tcp.substr(0, end));
    proc_net_tcp.remove_prefix(std::min(end + 1, proc_net_tcp.size()));
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode; 0A:
    // LISTEN
    if (line.size() > 9 && line[3] == "0A" &&
        (line[1] == mine || line[1] == everywhere))
      return line[9];
  }
  return {};
}

void look_at_control(Evidence& e, const Units& units) {
  if (e.settings && e.settings->metrics_bind != "off")
    e.metrics.address = e.settings->metrics_bind;
  const bool runs = e.live && property(e.service, "ActiveState") == "active";
  for (const std::string& name : other_sockets(e)) {
    const Properties unit = units.show(name);
    const std::string state = property(unit, "ActiveState");
    const bool enabled = property(unit, "UnitFileState").starts_with("enabled");
    if (!is_loaded(unit)) continue;
    if (runs && enabled && state == "inactive") e.waiting_sockets.push_back(name);
    if (property(unit, "FileDescriptorName") != "metrics") continue;
    if (state != "active" && !enabled) continue;
    const std::string listen = property(unit, "Listen");
    e.metrics.address = listen.substr(0, listen.find(' '));
    if (e.metrics.address.starts_with('/')) e.metrics.address.insert(0, "unix:");
  }
  for (const NginxRoute& route : e.routes)
    e.metrics.routed |= "unix:" + route.socket == e.metrics.address;
  if (!runs || e.metrics.address.starts_with("unix:")) return;
  const std::string inode =
      listening_inode(read_file("/proc/net/tcp"), e.metrics.address);
  if (!inode.empty() && inode != "0") e.metrics.holder = holder_of(inode, e.service);
}

}  // namespace monodon::cli
