// SPDX-License-Identifier: Apache-2.0
// What is logged of zygotes and of what is imported, early and late.
#include <fmt/format.h>

#include <utility>

#include "base/log/log.h"
#include "master/chronicle/chronicle.h"
#include "master/fleet/obituary.h"

namespace monodon::master {

namespace {

std::string on_one_line(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.replace(at, 1, "; ");
  return text;
}

void tell_unshared(const ZygoteNews& news) {
  log::info(
      fmt::format(
          "each worker of generation {} imports the application by "
          "itself (preload: auto), which takes longer and more memory, "
          "since the import has left what a fork breaks (`monodon check` says how "
          "to share it): {}",
          news.generation, on_one_line(news.text)),
      {log::Id::application_unshared, log::beside({"generation", news.generation})});
}

}  // namespace

void Chronicle::note(const ZygoteNews& news) {
  const std::string who =
      fmt::format("zygote of generation {} (pid {})", news.generation, news.pid);
  switch (news.kind) {
    case ZygoteNews::Kind::started:
      log::debug(who + " imports the application");
      break;
    case ZygoteNews::Kind::loaded:
      log::info(
          who + (news.value < 0 ? " is ready; each worker imports the application"
                                : " imported the application in " + spell(news.age)),
          {log::Id::application_loaded, log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::warning:
      log::warning(
          who + ": " + news.text,
          {log::Id::application_warning, log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::importable:
      log::debug("imports that the next generation makes early: " +
                 (news.text.empty() ? "none" : on_one_line(news.text)));
      break;
    case ZygoteNews::Kind::shared_state:
      tell_unshared(news);
      break;
    case ZygoteNews::Kind::broken:
      log::error(who + ": " + news.text,
                 {log::Id::application_incomplete,
                  log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::load_failed:
      // That of a new generation is told as the refusal of that generation.
      if (news.loaded_before)
        log::error(who + " cannot import the application any more: " + news.text,
                   {log::Id::application_failed,
                    log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::not_started:
      if (news.loaded_before)
        log::error(
            who + ": " + news.text + next_try(news.pause),
            {log::Id::zygote_failed, log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::overdue:
      log::warning(
          who + " ran out of time; killing it",
          {log::Id::worker_overdue, log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::silent:
      log::warning(
          who + " shows no sign of life: it hangs, or is stopped; killing it",
          {log::Id::worker_overdue, log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::gone:
      if (news.expected)
        log::debug(who + " ended");
      else
        log::error(
            who + " ended, " + describe(news.death) + next_try(news.pause) +
                (news.loaded_before ? "; its workers serve on" : ""),
            {log::Id::zygote_failed, log::beside({"generation", news.generation})});
      break;
    case ZygoteNews::Kind::answer:
    case ZygoteNews::Kind::rehearsed:  // what that means for the reload is told
      break;
  }
}

void Chronicle::note_imports(const News& news, const std::string& who) {
  if (news.kind == News::Kind::learned) {
    log::debug(who + " imported after the fork: " + on_one_line(news.text));
    return;
  }
  if (std::exchange(told_stale_, news.generation) == news.generation) return;
  log::warning(
      fmt::format(
          "{} had to import what is newer than its own code, so generation {} is "
          "a mixture of two releases until a reload brings all in: {}",
          who, news.generation, on_one_line(news.text)),
      {log::Id::application_stale, log::beside({"generation", news.generation})});
}

}  // namespace monodon::master
