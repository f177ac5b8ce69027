// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monodon::cli {

// What the code of a site says about itself, read by its own interpreter.
struct SiteFacts {
  std::string application;  // package.module:callable; "" = none found
  bool django = false;      // then, as far as `error` is "":
  std::string error;
  std::string static_url, static_root, media_url, media_root;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> secure_proxy_ssl_header;  // name and value
  bool secure_ssl_redirect = false;
  bool debug = false;
  bool logs_errors = true;          // LOGGING keeps the traceback of a view that fails
  std::vector<std::string> sqlite;  // database files
};

// Imports the settings of Django, with `variables` ("NAME=value") and those of
// `environment_files`; at most 30 s. An empty `application` is looked for. Root becomes
// `user` for it, or whoever owns the code (master/config/code_runner.h), by systemd
// where that runs: the code of a site is not root's to run, and the files are not
// always the user's to read. Of those, systemd gets the ones in places that are root's
// alone.
Result<SiteFacts> read_site(const std::string& python, const std::string& directory,
                            const std::string& application,
                            const std::vector<std::string>& variables,
                            const std::vector<std::string>& environment_files,
                            const std::string& user);

// From what read_site.py prints. Pure.
[[nodiscard]] Result<SiteFacts> parse_site_facts(const std::string& json);

// The user= of a text of nginx.conf; "" where it names none. Pure.
[[nodiscard]] std::string nginx_user_of(std::string_view configuration);

// Whether nginx has the directive `http2`, which came with 1.25.1 and replaced the word
// in `listen`, by what `nginx -v` says. Pure.
[[nodiscard]] bool has_http2_directive(std::string_view version);

}  // namespace monodon::cli
