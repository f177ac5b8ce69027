// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace monodon::cli {

// Something in a directory that can be served, or that looks like it.
struct FoundApplication {
  std::string application;  // package.module:callable
  std::string file;         // relative to the directory
  std::string root;         // where it has to be searched: "src"; "": the directory
  bool asgi = false;
};

struct FoundSite {
  std::vector<FoundApplication> applications;  // the likeliest first
  std::string settings;  // DJANGO_SETTINGS_MODULE of manage.py; "": it names none
  // Of the file that was asked for: its name as a module, and where flask would search it.
  std::string module;
  std::string root;
  std::vector<std::string> broken;  // "app.py, line 1: why", where nothing was found
};

// What is in `directory`, by the text of its files and without running them, for
// that interface (auto, wsgi, asgi); in `file` of it alone, if that is not "". Asks
// read_site.py, which `monodon init` asks too.
Result<FoundSite> find_applications(const std::string& python,
                                    const std::string& directory,
                                    const std::string& interface,
                                    const std::string& file = "");

// From what read_site.py prints. Pure.
[[nodiscard]] FoundSite parse_found(const std::string& json);

// What to say where there is none to be served, and what else there was for the
// interface of the first ("" where nothing). Pure.
[[nodiscard]] std::string nothing_found(const FoundSite& site,
                                        const std::string& directory,
                                        const std::string& interface);
[[nodiscard]] std::string others_beside(const std::vector<FoundApplication>& found);

}  // namespace monodon::cli
