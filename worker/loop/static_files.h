// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "worker/application.h"
#include "worker/http/date.h"
#include "worker/http/media_types.h"
#include "worker/http/ranges.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

struct NamedFile {
  std::size_t mount;
  std::string name;  // below its directory; "": of no file
};

// Files below directories, answered without the application and without its lock, by
// the thread that leads. Paths are compared when they are normal, as proxies do it.
//
// A name is decoded once and opened below the directory, by the kernel's own rules
// (openat2(2), RESOLVE_BENEATH); where it has none, or there is a link on the way, by
// where the descriptor leads in the end. Nothing else than a regular file is ever read,
// and none of which a name begins with a dot.
class StaticFiles {
 public:
  // Null: the settings name none. A directory that cannot be opened is told in the log,
  // and all below it is 404. Worker, at its start.
  static std::unique_ptr<StaticFiles> of(const Settings& settings);
  explicit StaticFiles(const Settings& settings);

  // Which file this path is, if one of ours; the longest prefix wins.
  [[nodiscard]] std::optional<NamedFile> find(std::string_view path) const;

  // One whole answer. The leader. wall_seconds: Unix time.
  void answer(const NamedFile& named, const http::RequestHead& head,
              std::int64_t wall_seconds, Response& response);

 private:
  struct Mount {
    std::string prefix;  // "/static"
    std::string path;    // as it was configured
    UniqueFd directory;
    std::string place;  // where it is, links resolved
  };
  struct File;
  class Fields;

  [[nodiscard]] std::optional<std::size_t> mount_of(
      std::string_view normal) const noexcept;
  [[nodiscard]] bool is_elsewhere(const Mount& mount) const;
  void look_anew(Mount& mount) const;
  [[nodiscard]] int open(const Mount& mount, const std::string& name, File& file) const;
  [[nodiscard]] int open_below(const Mount& mount, const std::string& name) const;
  void choose_coding(const Mount& mount, const std::string& name,
                     std::string_view accepted, File& file) const;
  [[nodiscard]] Fields fields_of(const File& file, std::string_view type);
  void send(const File& file, const http::RequestHead& head, Response& response);
  void send_parts(const File& file, std::span<const http::ByteRange> parts,
                  Response& response);

  std::vector<Mount> mounts_;
  http::MediaTypes types_;
  http::DateText date_;  // mostly the same one again
  std::string block_;    // a small file, to go out with its head
};

}  // namespace monodon::worker
