// SPDX-License-Identifier: Apache-2.0
// A rehearsal as JSON.
#include "worker/wire/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace monodon::worker {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMost = 16;              // of one frame
constexpr std::size_t kAllReasons = 40 << 10;  // of one frame, which is 64 KiB at most
constexpr int kHighestStatus = 999;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The end has the reason, and so has the beginning. Whole lines where there are any.
std::string cut(const std::string& reason, std::size_t most) {
  if (reason.size() <= most) return reason;
  const std::size_t half = most / 2;
  std::size_t head = reason.rfind('\n', half);
  if (head == std::string::npos) head = half;
  std::size_t tail = reason.find('\n', reason.size() - half);
  tail = tail == std::string::npos ? reason.size() - half : tail + 1;
  return fmt::format("{}\n... {} characters are left out here ...\n{}",
                     reason.substr(0, head), tail - head, reason.substr(tail));
}

Result<Json> array_in(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_array() || json.size() > kMost) return Error{"not a rehearsal"};
  return json;
}

}  // namespace

std::string to_json(const std::vector<std::string>& targets) {
  return text_of(Json(targets));
}

Result<std::vector<std::string>> targets_from_json(std::string_view text) {
  const auto json = array_in(text);
  if (!json) return json.error();
  std::vector<std::string> targets;
  for (const Json& one : json.value()) {
    if (!one.is_string()) return Error{"not a rehearsal"};
    targets.push_back(one.get<std::string>());
  }
  return targets;
}

std::string to_json(const std::vector<Rehearsed>& all) {
  Json json = Json::array();
  const std::size_t most = kAllReasons / std::max<std::size_t>(all.size(), 1);
  for (const Rehearsed& one : all) {
    json.push_back(
        {one.target, static_cast<int>(one.ending), cut(one.reason, most), one.status});
    if (one.newer) json.back().push_back(true);  // a master of 0.2.0 knows four
  }
  return text_of(json);
}

Result<std::vector<Rehearsed>> rehearsed_from_json(std::string_view text) {
  const auto json = array_in(text);
  if (!json) return json.error();
  std::vector<Rehearsed> all;
  for (const Json& one : json.value()) {
    if (!one.is_array() || one.size() < 4 || !one[0].is_string() ||
        !one[1].is_number_unsigned() || one[1] > 2 || !one[2].is_string() ||
        !one[3].is_number_unsigned() || one[3] > kHighestStatus)
      return Error{"not a rehearsal"};
    all.push_back({one[0].get<std::string>(),
                   static_cast<Rehearsed::Ending>(one[1].get<unsigned>()),
                   one[2].get<std::string>(), one[3].get<int>(), one.size() > 4});
  }
  return all;
}

}  // namespace monodon::worker
