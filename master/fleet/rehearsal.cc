// SPDX-License-Identifier: Apache-2.0
// What new code is asked before it serves, and what its answers mean.
#include "master/fleet/rehearsal.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace monodon::master {

namespace {

using worker::Rehearsed;
using Answers = Rehearsals::Answers;
using Ending = Rehearsed::Ending;

constexpr std::size_t kFewestClients = 3;

bool is_fit(const std::string& target) {
  return std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f; });
}

// Of "https://site.test/about": the scheme and the name.
std::string site_of(const std::string& target) {
  constexpr std::size_t kLongestScheme = 8;
  return target.substr(0, target.find('/', kLongestScheme));
}

std::ptrdiff_t count(const Answers& all, Ending ending) {
  return std::ranges::count(all, ending, &Rehearsed::ending);
}

const Rehearsed* find(const Answers& all, const std::string& target) {
  const auto same = std::ranges::find(all, target, &Rehearsed::target);
  return same == all.end() ? nullptr : &*same;
}

bool came_to(const Answers& all, const std::string& target, Ending ending) {
  const Rehearsed* one = find(all, target);
  return one != nullptr && one->ending == ending;
}

}  // namespace

std::vector<std::string> choose_targets(const std::vector<Sighting>& sightings,
                                        std::size_t most) {
  struct Known {
    std::set<std::uint64_t> clients;
    std::uint64_t seen_ns = 0;
  };
  std::map<std::string, Known> all;
  std::pair<std::uint64_t, std::string> last;
  for (const Sighting& one : sightings) {
    if (!is_fit(one.target)) continue;
    last = std::max(last, {one.seen_ns, site_of(one.target)});
    Known& known = all[one.target];
    known.clients.insert(one.clients.begin(), one.clients.end());
    known.seen_ns = std::max(known.seen_ns, one.seen_ns);
  }
  std::vector<std::pair<std::uint64_t, std::string>> popular;
  for (const auto& [target, known] : all)
    if (known.clients.size() >= kFewestClients)
      popular.emplace_back(known.seen_ns, target);
  std::ranges::sort(popular, std::greater{});
  std::vector<std::string> targets;
  for (auto& [seen, target] : popular)
    if (targets.size() < most) targets.push_back(std::move(target));
  if (targets.empty() && most > 0) targets.push_back(last.second + "/");
  return targets;
}

std::vector<std::string> Rehearsals::left_to_ask() const {
  std::vector<std::string> targets;
  if (!second.empty()) return targets;
  for (const Rehearsed& one : first) {
    if (one.ending != Ending::failed) continue;
    if (old.empty() || came_to(old, one.target, Ending::answered))
      targets.push_back(one.target);
  }
  return targets;
}

const Rehearsed* Rehearsals::blame() const {
  const auto bad = std::ranges::find(second, Ending::failed, &Rehearsed::ending);
  return bad == second.end() ? nullptr : &*bad;
}

std::string Rehearsals::account() const {
  const auto n = static_cast<std::ptrdiff_t>(first.size());
  if (n == 0) return "the rehearsal did not end in time, which is no failure";
  std::string text = std::to_string(n) + (n == 1 ? " request" : " requests");
  text += " rehearsed: ";
  const std::ptrdiff_t answered = count(first, Ending::answered);
  if (answered == n) return text + (n == 1 ? "it is answered" : "all are answered");
  text += std::to_string(answered) + " answered";
  if (const auto late = count(first, Ending::unfinished); late > 0)
    text += ", " + std::to_string(late) + " not in time";
  for (const Rehearsed& one : first) {
    if (one.ending != Ending::failed) continue;
    text += "; GET " + one.target + " fails: ";
    text += first_line(one.reason);
    if (came_to(old, one.target, Ending::answered))
      text += ", but not when it is asked again";
    else if (!came_to(old, one.target, Ending::failed))
      text += " (the old code could not be asked)";
    else if (old_code_in_memory)
      text += ", with the old code as well";
    else
      text += ", with what is on the disk as well (the old code is in no memory)";
  }
  return text;
}

}  // namespace monodon::master
