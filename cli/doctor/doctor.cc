// SPDX-License-Identifier: Apache-2.0
// monodon doctor: gathers, judges, prints.
#include <algorithm>
#include <cstdio>

#include "cli/doctor/commands.h"
#include "cli/doctor/diagnosis.h"
#include "cli/doctor/gather.h"

namespace monodon::cli {

int run_doctor(const DoctorOptions& options) {
  std::string root = options.root;
  while (root.ends_with('/')) root.pop_back();
  std::vector<std::string> sites;
  if (options.site.empty()) {
    sites = Units{root}.our_services();
  } else {
    sites.push_back(options.site);
  }
  if (sites.empty()) {
    std::fputs(
        "monodon doctor: no service runs monodon; name one, or see monodon init\n",
        stderr);
    return 2;
  }
  int status = 0;
  for (const std::string& site : sites) {
    const Evidence evidence = gather(site, root);
    const std::vector<Diagnosis> found = diagnose(evidence);
    std::fputs(
        (options.json ? doctor_json(evidence, found) : doctor_text(evidence, found))
            .c_str(),
        stdout);
    status = std::max(status, exit_status(found));
  }
  return std::fflush(stdout) == 0 ? status : 2;
}

}  // namespace monodon::cli
