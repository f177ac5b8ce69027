// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "master/config/load.h"

namespace monodon::master {

// What a server is known by besides the environment it was started in.
struct SiteClues {
  std::string name;               // the setting
  std::string application;        // "mysite.wsgi:application"
  std::string config_file;        // absolute; "": none was read
  std::string runtime_directory;  // $RUNTIME_DIRECTORY; "": not of systemd's
  std::string cgroups;            // /proc/self/cgroup; "": systemd did not start us
};

// The name of the site, by which commands and metrics know it. The first of:
//
//   the setting `name`
//   SITE of /run/monodon-SITE, the runtime directory that systemd made
//   SITE of the unit SITE.service or monodon@SITE.service
//   SITE of a configuration file SITE.yaml that is called neither monodon nor gunicorn
//   the application without ".wsgi" and what follows
//
// Pure.
[[nodiscard]] std::string site_name(const SiteClues& clues);

// The same for this process.
[[nodiscard]] std::string site_name(const LoadedConfig& config);

}  // namespace monodon::master
