// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace monodon::cli {

// One site, completely described: what `monodon init` was told or has found out.
struct Site {
  std::string name;         // of units, configuration and upstream
  std::string directory;    // of the application, absolute
  std::string application;  // package.module:callable
  std::string python;       // as the setting; "" where it is found by itself
  std::string venv;         // deploy.sh makes it if it is not there
  std::string base_python = "python3";  // with this one: a path, or a name in PATH
  std::string metrics_bind;             // "": the default
  std::string user;                     // runs the application
  std::string group;
  std::string socket;      // path that nginx connects to
  std::string proxy_user;  // whom nginx runs as
  std::string proxy_group;
  std::vector<std::string> server_names;
  std::string static_url = "/static/";  // "" where nginx serves none
  std::string static_root;
  std::string media_url = "/media/";
  std::string media_root;
  std::string certificate;  // "" = plain HTTP
  std::string certificate_key;
  std::string access_log;
  std::string error_log;
  std::string body_size = "100m";
  std::vector<std::string> writable;  // besides the directories of logs and media
  unsigned workers = 3;
  bool http2_directive = false;  // nginx has `http2 on;` (site_facts.h)
  bool instance =
      false;  // settings and a drop-in for monodon@NAME, no units of its own
};

struct SiteFile {
  std::string name;  // relative to the directory they are written to
  std::string text;
  bool executable = false;
};

// The files of the site. Pure.
[[nodiscard]] std::vector<SiteFile> site_files(const Site& site);

// What is wrong with the description, a sentence each: names that systemd, nginx or a
// shell would take apart. Pure.
[[nodiscard]] std::vector<std::string> check_site(const Site& site);

}  // namespace monodon::cli
