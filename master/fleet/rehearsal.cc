// SPDX-License-Identifier: Apache-2.0
// What new code is asked before it serves, and what its answers mean.
#include "master/fleet/rehearsal.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text/text.h"

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

bool is_home(const std::string& target) {
  return target.substr(site_of(target).size()) == "/" || target == "/";
}

std::ptrdiff_t count(const Answers& all, Ending ending) {
  return std::ranges::count(all, ending, &Rehearsed::ending);
}

// 4xx, but for what another moment answers better.
bool turns_away(const Rehearsed& one) {
  constexpr int kTimeout = 408;
  constexpr int kTooMany = 429;
  return one.ending == Ending::answered && one.status >= 400 &&
         one.status != kTimeout && one.status != kTooMany;
}

bool is_gone(const Rehearsed& one) {
  return one.status == 404 || one.status == 410;
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

bool Rehearsals::turns_everybody_away() const {
  const bool one_page =
      first.size() == 1 && is_gone(first[0]) && !is_home(first[0].target);
  return !one_page && std::ranges::all_of(first, [](const Rehearsed& one) {
    return one.ending == Ending::failed || turns_away(one);
  });
}

// What the old code failed at with a file of the new code in hand, while its workers
// answer it, says nothing of the old code.
bool Rehearsals::old_code_answers(const std::string& target) const {
  const Rehearsed* before = find(old, target);
  if (before == nullptr) return false;
  if (before->ending == Ending::answered) return true;
  return before->newer && std::ranges::find(lately, target) != lately.end();
}

std::vector<std::string> Rehearsals::left_to_ask() const {
  std::vector<std::string> targets;
  if (!second.empty()) return targets;
  const bool no_way_in = turns_everybody_away();
  for (const Rehearsed& one : first) {
    const bool failed = one.ending == Ending::failed;
    if (!failed && !no_way_in) continue;
    const Rehearsed* before = find(old, one.target);
    if (old.empty() ||
        (old_code_answers(one.target) && (failed || before->status < 300)))
      targets.push_back(one.target);
  }
  return targets;
}

const Rehearsed* Rehearsals::blame() const {
  const auto bad = std::ranges::find(second, Ending::failed, &Rehearsed::ending);
  if (bad != second.end()) return &*bad;
  const bool no_way_in = !second.empty() && turns_everybody_away() &&
                         std::ranges::all_of(second, turns_away);
  return no_way_in ? second.data() : nullptr;
}

std::string Rehearsals::refusal() const {
  const Rehearsed* one = blame();
  if (one == nullptr) return {};
  if (one->ending == Ending::failed)
    return "GET " + one->target + " fails in the new code, and " +
           (came_to(old, one->target, Ending::answered)
                ? "the old code answers it: "
                : "workers of the old code answered it well lately: ") +
           one->reason;
  const Rehearsed* before = find(old, one->target);
  return "GET " + one->target + " is answered with " + std::to_string(one->status) +
         " in the new code, and with " +
         std::to_string(before == nullptr ? 0 : before->status) +
         " by the old code; nothing that was rehearsed is answered better. If that is "
         "meant, use `monodon reload --no-rehearsal`";
}

std::vector<std::string> Rehearsals::warnings() const {
  std::vector<std::string> all;
  for (const Rehearsed& one : first) {
    if (std::ranges::find(lately, one.target) == lately.end()) continue;
    const std::string what =
        "GET " + one.target + ", which workers answered well lately, ";
    if (first.size() == 1 && is_gone(one))
      all.push_back(what + "is answered with " + std::to_string(one.status) +
                    " in the new code");
    if (one.ending == Ending::unfinished && one.reason.empty())
      all.push_back(what +
                    "is not answered in time (rehearse_timeout) by the new code");
    if (one.ending != Ending::failed || old_code_answers(one.target)) continue;
    const bool asked = came_to(old, one.target, Ending::failed);
    const std::string_view old_code = !asked ? ", and the old code could not be asked"
                                      : old_code_in_memory
                                          ? ", and now with the old code as well"
                                          : ", and with what is on the disk as well";
    all.push_back(what + "fails in the new code" + std::string{old_code} + ": " +
                  std::string{first_line(one.reason)});
  }
  return all;
}

// ", 1 not in time, 2 without an answer: why".
std::string Rehearsals::unanswered() const {
  std::ptrdiff_t late = 0;
  std::ptrdiff_t lost = 0;
  std::string_view why;
  for (const Rehearsed& one : first) {
    if (one.ending != Ending::unfinished) continue;
    ++(one.reason.empty() ? late : lost);
    if (why.empty()) why = first_line(one.reason);
  }
  std::string text;
  if (late > 0) text += ", " + std::to_string(late) + " not in time";
  if (lost > 0)
    text += ", " + std::to_string(lost) + " without an answer: " + std::string{why};
  return text;
}

std::string Rehearsals::account() const {
  const auto n = static_cast<std::ptrdiff_t>(first.size());
  if (n == 0) return "the rehearsal did not end in time, which is no failure";
  std::string text = std::to_string(n) + (n == 1 ? " request" : " requests");
  text += " rehearsed: ";
  const std::ptrdiff_t answered = count(first, Ending::answered);
  if (answered == n)
    text += n == 1 ? "it is answered" : "all are answered";
  else
    text += std::to_string(answered) + " answered";
  text += unanswered();
  for (const Rehearsed& one : first) {
    if (turns_away(one))
      text += "; GET " + one.target + " with " + std::to_string(one.status);
    if (one.ending != Ending::failed) continue;
    text += "; GET " + one.target + " fails: ";
    text += first_line(one.reason);
    if (old_code_answers(one.target))
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
