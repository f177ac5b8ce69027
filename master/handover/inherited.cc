// SPDX-License-Identifier: Apache-2.0
// The sockets that systemd, or the program that was here before an upgrade, has passed.
#include "master/handover/inherited.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "master/handover/upgrade.h"
#include "master/system/activation.h"

namespace monodon::master {

namespace {

// By the program that was here before, or by systemd.
Result<std::vector<Passed>> passed_descriptors() {
  auto passed = take_passed();
  if (!passed || !passed.value().empty()) return passed;
  return take_activation();
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
