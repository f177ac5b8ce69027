// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace monodon::cli {

struct UwsgiOptions {
  std::vector<std::pair<std::string, std::string>> given;  // in their order
  std::set<std::string> used;     // names that a site has made up for its values
  std::vector<std::string> told;  // what only uWSGI knows, a sentence each
};

// A section of an ini file, [uwsgi] unless it is named otherwise ("site.ini:prod"),
// with the files that it includes (ini, inherit), its placeholders filled in and its
// loops run. What stands under a condition is left out and told. `read_file`: the text
// of another file, "" for none. Pure but for that.
struct UwsgiFile {
  std::string_view text;
  std::string name;
  std::string directory;
  std::string section;  // "": uwsgi
};
using ReadUwsgiFile = std::function<std::string(const std::string& path)>;
[[nodiscard]] UwsgiOptions read_uwsgi_options(const UwsgiFile& file,
                                              const ReadUwsgiFile& read_file = {});

// "site.ini:prod" is the file and its section; "" for a section that is not named.
struct UwsgiPlace {
  std::string path;
  std::string section;
};
[[nodiscard]] UwsgiPlace uwsgi_place(const std::string& text);

}  // namespace monodon::cli
