// SPDX-License-Identifier: Apache-2.0
// Those who wait for the end of a reload.
#include "master/reload/reload_clients.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace monodon::master {

namespace {

// Reasons hold what an application printed: any bytes, of any length.
constexpr std::size_t kLongestReason = 64 * 1024;

std::string text_of(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void ReloadClients::add(ControlClient client, std::string_view present) {
  next_.push_back(client);
  if (present.empty()) return;
  const std::string text =
      fmt::format("another reload is under way: {}. This one follows it", present);
  (void)control_.post(client, text_of({{"event", "queued"}, {"text", text}}));
}

void ReloadClients::begin() {
  present_.insert(present_.end(), next_.begin(), next_.end());
  next_.clear();
}

void ReloadClients::post(const std::string& line, bool last) {
  std::erase_if(present_, [&](ControlClient client) {
    return !control_.post(client, line, last);
  });
}

void ReloadClients::tell(std::string_view event, std::uint32_t generation,
                         std::string_view text) {
  if (present_.empty()) return;
  post(text_of({{"event", event}, {"generation", generation}, {"text", text}}));
}

void ReloadClients::committed(std::uint32_t generation, std::string_view text) {
  post(text_of({{"ok", true}, {"generation", generation}, {"text", text}}), true);
  present_.clear();
}

void ReloadClients::failed(std::string_view outcome, std::uint32_t generation,
                           std::string_view reason) {
  post(text_of({{"error", reason.substr(0, kLongestReason)},
                {"outcome", outcome},
                {"generation", generation}}),
       true);
  present_.clear();
}

void ReloadClients::stopped() {
  begin();
  failed("stopped", 0, "the server stops");
}

}  // namespace monodon::master
