// SPDX-License-Identifier: Apache-2.0
// monodon doctor: gathers, judges, prints.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/doctor/commands.h"
#include "cli/doctor/diagnosis.h"
#include "cli/doctor/gather.h"
#include "cli/live/control_finder.h"

namespace monodon::cli {
namespace {

struct Looked {
  std::string site;
  Units units;
};

// The site where it is: in units of the system or, for who is not root, in their own.
// None: no unit has that name, and a server that somebody runs by hand has.
std::vector<Looked> place_of(const std::string& site, const std::string& root) {
  const Units system{root};
  const Units own{root, true};
  if (!root.empty()) return {{site, system}};
  const std::string service = site.ends_with(".service") ? site : site + ".service";
  const auto knows = [&](const Units& units) {
    const std::string state = property(units.show(service), "LoadState");
    return !state.empty() && state != "not-found";
  };
  if (knows(system)) return {{site, system}};
  if (::geteuid() != 0 && knows(own)) return {{site, own}};
  // An instance of the packaged template has a file.
  if (::access(("/etc/monodon/" + site + ".yaml").c_str(), F_OK) == 0)
    return {{site, system}};
  ControlOptions by_hand;
  by_hand.site = site;
  if (find_control_socket(by_hand)) return {};
  return {{site, system}};
}

std::vector<Looked> all_sites(const std::string& root) {
  std::vector<Looked> all;
  for (const std::string& name : Units{root}.our_services())
    all.push_back({name, Units{root}});
  if (root.empty() && ::geteuid() != 0)
    for (const std::string& name : Units{root, true}.our_services())
      all.push_back({name, Units{root, true}});
  return all;
}

int print(const Evidence& evidence, bool json) {
  const std::vector<Diagnosis> found = diagnose(evidence);
  std::fputs(
      (json ? doctor_json(evidence, found) : doctor_text(evidence, found)).c_str(),
      stdout);
  return exit_status(found);
}

int complain(const Error& error) {
  std::fprintf(stderr,
               "monodon doctor: no service runs monodon, and %s\n"
               "monodon doctor --socket PATH looks at a socket alone\n",
               error.message().c_str());
  return 2;
}

int look(const DoctorOptions& options) {
  std::string root = options.root;
  while (root.ends_with('/')) root.pop_back();
  if (!options.socket.empty())
    return print(gather_socket(options.socket, options.user), options.json);
  std::vector<Looked> sites;
  if (options.config_file.empty() && (!root.empty() || has_systemd())) {
    if (options.site.empty())
      sites = all_sites(root);
    else
      sites = place_of(options.site, root);
  }
  if (sites.empty() && root.empty()) {
    const auto evidence = gather_server(options.site, options.config_file);
    return evidence ? print(evidence.value(), options.json)
                    : complain(evidence.error());
  }
  if (sites.empty()) return complain(Error{"no unit in that tree does"});
  int status = 0;
  for (const Looked& one : sites)
    status = std::max(status, print(gather(one.site, one.units, root), options.json));
  return status;
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  const int status = look(options);
  return std::fflush(stdout) == 0 ? status : 2;
}

}  // namespace monodon::cli
