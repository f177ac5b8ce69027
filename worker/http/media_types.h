// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace monodon::http {

// Media types of files by the extension of their names.
//
// What browsers load has to be right on every machine, so that it is compiled in, after
// the registry of IANA (JavaScript after RFC 9239, fonts after RFC 8081). The table of
// the system (mime.types, where there is one; Debian's media-types) adds what is not in
// ours: it is missing in slim containers, and old ones call JavaScript by old names.
class MediaTypes {
 public:
  MediaTypes() = default;
  // The text of a mime.types file: a type and its extensions in each line.
  void add(std::string_view mime_types);

  // The value of a Content-Type field; "application/octet-stream" for an unknown one.
  [[nodiscard]] std::string_view of(std::string_view file_name) const;

 private:
  std::map<std::string, std::string, std::less<>> more_;
};

// Whether files of that type become smaller, so that there may be a .br or .gz of them.
[[nodiscard]] bool is_compressible(std::string_view media_type);

// Whether the name has a hash of the content in it, as those of Django's
// ManifestStaticFilesStorage, webpack and Vite: "app.55e7cbb9ba48.css",
// "index-BkG7sb3J.js", "main.8f3c2d1a.chunk.js". Such a file never changes. Pure, as
// all of these.
[[nodiscard]] bool has_hash(std::string_view file_name);

}  // namespace monodon::http
