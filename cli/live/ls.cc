// SPDX-License-Identifier: Apache-2.0
// monodon ls: every server of this machine.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text/escape.h"
#include "cli/live/commands.h"
#include "cli/live/control_finder.h"
#include "cli/live/site_looks.h"
#include "cli/live/status_json.h"

namespace monodon::cli {
namespace {

std::string as_json(const std::vector<LiveSite>& sites) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const LiveSite& site : sites) {
    nlohmann::ordered_json row{{"site", site.name},
                               {"user", name_of_user(site.uid)},
                               {"application", site.application},
                               {"control", site.path},
                               {"config", site.config},
                               {"why", site.why}};
    row["status"] = nullptr;
    if (site.why.empty())
      if (const auto status = read_status(site.answer))
        row["status"] = nlohmann::ordered_json::parse(status_json(status.value()));
    all.push_back(std::move(row));
  }
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

int print_sites(const std::vector<LiveSite>& sites, bool json) {
  std::string text;
  if (json)
    text = as_json(sites);
  else
    for (const std::string& line : site_lines(look_at(sites))) text += line + "\n";
  const bool printed =
      std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return printed ? kGood : kBadConfiguration;
}

int run_ls(const ControlOptions& options) {
  const auto sites = introduce(control_sockets(true));
  if (options.names_only) {
    for (const LiveSite& site : sites) {
      std::string name;
      append_printable(name, site.name);
      if (!name.empty()) std::puts(name.c_str());
    }
    return kGood;
  }
  if (sites.empty() && !options.json) {
    std::fprintf(stderr, "monodon ls: %s\n", no_server().message().c_str());
    return kBadConfiguration;
  }
  return print_sites(sites, options.json);
}

}  // namespace monodon::cli
