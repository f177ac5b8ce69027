// SPDX-License-Identifier: Apache-2.0
// The sockets that systemd, or the program that was here before an upgrade, has passed.
#include "master/handover/inherited.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "master/handover/upgrade.h"

namespace monodon::master {

namespace {

// The names that sd_listen_fds_with_names allocates, with their ends.
struct FreeNames {
  void operator()(char** names) const noexcept {
    if (names == nullptr) return;
    for (char** name = names; *name != nullptr; ++name) std::free(*name);
    std::free(static_cast<void*>(names));
  }
};

// By the program that was here before, or by systemd.
Result<std::vector<Passed>> passed_descriptors() {
  auto passed = take_passed();
  if (!passed || !passed.value().empty()) return passed;
  char** raw = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &raw);
  const std::unique_ptr<char*, FreeNames> names{raw};
  if (count < 0) return Error{"take the sockets that systemd passed", -count};
  for (int i = 0; i < count; ++i)
    passed.value().push_back(
        {SD_LISTEN_FDS_START + i, raw == nullptr || raw[i] == nullptr ? "" : raw[i]});
  return passed;
}

}  // namespace

Result<std::vector<Listener>> inherit_listeners(Heirlooms& found) {
  auto passed = passed_descriptors();
  if (!passed) return passed.error();

  std::vector<Listener> listeners;
  for (Passed& one : passed.value()) {
    std::string name = std::move(one.name);
    UniqueFd fd{one.fd};
    if (take_heirloom(found, name, fd)) continue;
    if (name == "stored") {
      (void)fd.release();  // stays open: it is systemd's
      continue;
    }
    // Names that say nothing: see systemd.socket(5), FileDescriptorName=.
    if (name.empty() || name == "unknown") name = "http";
    const std::string shown = name;
    auto listener = describe_listener(std::move(fd), std::move(name));
    if (!listener)
      return Error{fmt::format("systemd passed something unusable as \"{}\": {}", shown,
                               listener.error().message())};
    listeners.push_back(std::move(listener).value());
  }
  return listeners;
}

std::optional<Listener> take_listener(std::vector<Listener>& listeners,
                                      std::string_view name) {
  const auto found = std::find_if(listeners.begin(), listeners.end(),
                                  [&](const auto& l) { return l.info.name == name; });
  if (found == listeners.end()) return std::nullopt;
  Listener taken = std::move(*found);
  listeners.erase(found);
  return taken;
}

}  // namespace monodon::master
