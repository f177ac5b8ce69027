// SPDX-License-Identifier: Apache-2.0
// Finds a file below its directory and answers with what was asked of it.
#include "worker/loop/static_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/log/log.h"
#include "worker/http/conditions.h"
#include "worker/http/content_coding.h"
#include "worker/http/path.h"

namespace monodon::worker {

namespace {

constexpr const char* kMimeTypes = "/etc/mime.types";
// Up to here reading costs less than sendfile(2), and is one packet with the head.
constexpr std::uint64_t kSmall = 32 * 1024;
// O_NONBLOCK: a fifo is opened, seen to be none of ours, and closed.
constexpr int kOpen = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr std::string_view kForEver = "public, max-age=31536000, immutable";

std::string_view reason_of(int status) {
  switch (status) {
    case 403:
      return "403 Forbidden";
    case 404:
      return "404 Not Found";
    case 405:
      return "405 Method Not Allowed";
    case 412:
      return "412 Precondition Failed";
    default:
      return "500 Internal Server Error";
  }
}

int status_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EIO:
      return 500;
    default:
      return 404;
  }
}

void refuse(int status, Response& response) {
  const std::string_view reason = reason_of(status);
  const std::array<http::Field, 2> fields{
      http::Field{"Content-Type", "text/plain; charset=utf-8"},
      http::Field{"Allow", "GET, HEAD"}};
  const std::string body = std::string{reason} + "\n";
  const std::span<const http::Field> all{fields};
  (void)response.begin({reason, all.first(status == 405 ? 2 : 1)}, body.size());
  response.finish(body);
}

// Where an open descriptor leads, however it was reached.
std::string place_of(int fd) {
  std::array<char, PATH_MAX> text;
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t size = ::readlink(link.c_str(), text.data(), text.size());
  return size > 0 ? std::string{text.data(), static_cast<std::size_t>(size)} : "";
}

std::string content_range(const http::ByteRange& part, std::uint64_t size) {
  return fmt::format("bytes {}-{}/{}", part.first, part.last, size);
}

}  // namespace

struct StaticFiles::File {
  UniqueFd fd;
  std::uint64_t size = 0;
  std::string etag;
  std::int64_t modified = 0;
  std::int64_t modified_ns = 0;
  std::string_view type;
  std::string_view coding;  // "": as it is
  bool for_ever = false;
};

class StaticFiles::Fields {
 public:
  void add(std::string_view name, std::string_view value) {
    fields_.at(count_++) = {name, value};
  }
  [[nodiscard]] std::span<const http::Field> all() const {
    return std::span{fields_}.first(count_);
  }

 private:
  std::array<http::Field, 12> fields_;
  std::size_t count_ = 0;
};

std::unique_ptr<StaticFiles> StaticFiles::of(const Settings& settings) {
  if (settings.static_files.empty()) return nullptr;
  return std::make_unique<StaticFiles>(settings);
}

StaticFiles::StaticFiles(const Settings& settings) {
  for (const std::string& item : settings.static_files) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos) continue;  // refused with the configuration
    Mount& mount = mounts_.emplace_back();
    mount.prefix = item.substr(0, equals);
    mount.path = item.substr(equals + 1);
    look_anew(mount);
    if (!mount.directory)
      log::warning(last_error("serve files of " + mount.path).message(),
                   {log::Id::resources_short});
  }
  std::ifstream file{kMimeTypes};
  types_.add(std::string{std::istreambuf_iterator<char>{file}, {}});
}

void StaticFiles::look_anew(Mount& mount) const {
  mount.directory.reset(::open(mount.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int code = errno;
  mount.place = place_of(mount.directory.get());
  errno = code;
}

// A build may have put another directory in its place.
bool StaticFiles::is_elsewhere(const Mount& mount) const {
  struct stat held {};
  struct stat now {};
  if (::stat(mount.path.c_str(), &now) != 0) return false;
  return !mount.directory || ::fstat(mount.directory.get(), &held) != 0 ||
         held.st_dev != now.st_dev || held.st_ino != now.st_ino;
}

std::optional<std::size_t> StaticFiles::mount_of(std::string_view path) const noexcept {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < mounts_.size(); ++i) {
    const std::string_view prefix = mounts_[i].prefix;
    if (path.starts_with(prefix) && path.size() > prefix.size() &&
        path[prefix.size()] == '/' &&
        (!found || prefix.size() > mounts_[*found].prefix.size()))
      found = i;
  }
  return found;
}

std::optional<NamedFile> StaticFiles::find(std::string_view path) const {
  const auto place = [&](std::size_t mount, std::string_view normal) {
    normal.remove_prefix(mounts_[mount].prefix.size());
    return NamedFile{mount, std::string{http::file_name_in(normal)}};
  };
  if (!http::has_other_spellings(path)) {
    const auto mount = mount_of(path);
    return mount ? std::optional{place(*mount, path)} : std::nullopt;
  }
  const std::string normal = http::normal_path(path);
  if (const auto mount = mount_of(normal)) return place(*mount, normal);
  // It begins as one of ours and leads out of it: nobody's.
  const auto left = mount_of(path);
  return left ? std::optional{NamedFile{*left, {}}} : std::nullopt;
}

// The descriptor, or -1 with errno.
int StaticFiles::open_below(const Mount& mount, const std::string& name) const {
  open_how how{};
  how.flags = kOpen;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  long fd;
  int tries = 8;  // EAGAIN: something was moved meanwhile, elsewhere
  do {
    fd = ::syscall(SYS_openat2, mount.directory.get(), name.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || (errno == EAGAIN && --tries > 0)));
  if (fd >= 0 || (errno != ELOOP && errno != ENOSYS && errno != EPERM))
    return static_cast<int>(fd);
  // A link, or a kernel (or a sandbox) without openat2: where does it lead?
  const UniqueFd there{
      ::openat(mount.directory.get(), name.c_str(), O_PATH | O_CLOEXEC)};
  if (!there) return -1;
  const std::string place = place_of(there.get());
  const bool inside = place.size() > mount.place.size() &&
                      place.starts_with(mount.place) &&
                      (mount.place == "/" || place[mount.place.size()] == '/');
  if (!inside ||
      http::has_hidden_name(std::string_view{place}.substr(mount.place.size()))) {
    errno = ENOENT;
    return -1;
  }
  return ::open(fmt::format("/proc/self/fd/{}", there.get()).c_str(), kOpen);
}

// 0, or the status of the answer.
int StaticFiles::open(const Mount& mount, const std::string& name, File& file) const {
  if (name.empty() || !mount.directory) return 404;
  file.fd.reset(open_below(mount, name));
  if (!file.fd) return status_of(errno);
  struct stat about {};
  if (::fstat(file.fd.get(), &about) != 0) return 500;
  if (!S_ISREG(about.st_mode)) return 404;
  constexpr std::int64_t kSecond = 1'000'000'000;
  file.size = static_cast<std::uint64_t>(about.st_size);
  file.modified = about.st_mtim.tv_sec;
  file.modified_ns = about.st_mtim.tv_sec * kSecond + about.st_mtim.tv_nsec;
  return 0;
}

// The compressed file beside it, unless it is older than what it was made of.
void StaticFiles::choose_coding(const Mount& mount, const std::string& name,
                                std::string_view accepted, File& file) const {
  const http::AcceptedCodings codings = http::parse_accept_encoding(accepted);
  struct Choice {
    bool accepted;
    const char* suffix;
    std::string_view coding;
  };
  std::array<Choice, 2> choices{Choice{codings.brotli, ".br", "br"},
                                Choice{codings.gzip, ".gz", "gzip"}};
  if (codings.gzip_first) std::swap(choices[0], choices[1]);
  for (const Choice& choice : choices) {
    if (!choice.accepted) continue;
    File packed;
    if (open(mount, name + choice.suffix, packed) != 0 ||
        packed.modified_ns < file.modified_ns)
      continue;
    packed.type = file.type;
    packed.coding = choice.coding;
    file = std::move(packed);
    return;
  }
}

void StaticFiles::answer(const NamedFile& named, const http::RequestHead& head,
                         std::int64_t wall_seconds, Response& response) {
  if (head.method != "GET" && head.method != "HEAD") return refuse(405, response);
  Mount& mount = mounts_[named.mount];
  const std::string& name = named.name;
  File file;
  int status = open(mount, name, file);
  if (status == 404 && !name.empty() && is_elsewhere(mount)) {
    look_anew(mount);
    status = open(mount, name, file);
  }
  if (status != 0) {
    if (status == 500)
      log::error(last_error("open a file to serve").message(),
                 {log::Id::resources_short, {"path", head.path}});
    return refuse(status, response);
  }
  file.type = types_.of(name);
  if (http::is_compressible(file.type))
    if (const std::string_view accepted = head.find("accept-encoding");
        !accepted.empty())
      choose_coding(mount, name, accepted, file);
  file.for_ever = http::has_hash(name);
  // A time to come would never be reached by what the client has (RFC 9110 8.8.2.1).
  file.modified = std::min(file.modified, wall_seconds);
  file.etag = fmt::format("\"{:x}-{:x}{}{}\"", file.modified_ns, file.size,
                          file.coding.empty() ? "" : "-", file.coding);
  switch (http::evaluate(head, {file.etag, file.modified})) {
    case http::Condition::failed:
      return refuse(412, response);
    case http::Condition::not_modified: {
      Fields fields;
      fields.add("ETag", file.etag);
      fields.add("Last-Modified", date_.at(file.modified));
      if (file.for_ever) fields.add("Cache-Control", kForEver);
      if (http::is_compressible(file.type)) fields.add("Vary", "Accept-Encoding");
      (void)response.begin({"304 Not Modified", fields.all()}, std::nullopt);
      return response.finish({});
    }
    case http::Condition::fulfilled:
      return send(file, head, response);
  }
}

// Of a 200, 206 or 416. They point into the arguments and to the date.
StaticFiles::Fields StaticFiles::fields_of(const File& file, std::string_view type) {
  Fields fields;
  fields.add("Content-Type", type);
  fields.add("Last-Modified", date_.at(file.modified));
  fields.add("ETag", file.etag);
  fields.add("Accept-Ranges", "bytes");
  if (!file.coding.empty()) fields.add("Content-Encoding", file.coding);
  if (http::is_compressible(file.type)) fields.add("Vary", "Accept-Encoding");
  if (file.for_ever) fields.add("Cache-Control", kForEver);
  fields.add("X-Content-Type-Options", "nosniff");
  return fields;
}

void StaticFiles::send(const File& file, const http::RequestHead& head,
                       Response& response) {
  http::Ranges ranges;
  if (head.method == "GET" && http::range_applies(head, {file.etag, file.modified}))
    if (const std::string_view asked = head.find("range"); !asked.empty())
      ranges = http::parse_ranges(asked, file.size);
  if (ranges.parts.size() > 1) return send_parts(file, ranges.parts, response);
  std::string_view status = "200 OK";
  std::string range;
  http::ByteRange part{0, file.size - 1};
  std::uint64_t length = file.size;
  if (ranges.kind == http::Ranges::Kind::unsatisfiable) {
    status = "416 Range Not Satisfiable";
    range = fmt::format("bytes */{}", file.size);
    length = 0;
  } else if (ranges.kind == http::Ranges::Kind::parts) {
    status = "206 Partial Content";
    part = ranges.parts.front();
    length = part.size();
    range = content_range(part, file.size);
  }
  Fields fields = fields_of(file, file.type);
  if (!range.empty()) fields.add("Content-Range", range);
  // Of an application's empty answer to HEAD it would not be known.
  if (head.method == "HEAD" && length == 0) fields.add("Content-Length", "0");
  if (std::string why = response.begin({status, fields.all()}, length); !why.empty())
    return response.fail(why);
  if (head.method == "HEAD" || length == 0) return response.finish({});
  if (length <= kSmall) {
    block_.resize(std::max(block_.size(), length));
    const ssize_t got =
        ::pread(file.fd.get(), block_.data(), length, static_cast<off_t>(part.first));
    if (got == static_cast<ssize_t>(length))
      return response.finish(std::string_view{block_}.substr(0, length));
    // It became shorter, or the disk fails: send_file() says so.
  }
  if (response.send_file(file.fd.get(), part.first, length)) response.finish({});
}

// multipart/byteranges (RFC 9110 14.6).
void StaticFiles::send_parts(const File& file, std::span<const http::ByteRange> parts,
                             Response& response) {
  // Nobody who wrote the file can have known the time of its last change.
  const std::string boundary =
      fmt::format("part-{:x}-{:x}", file.modified_ns, file.size);
  std::vector<std::string> heads;
  std::uint64_t length = 0;
  for (const http::ByteRange& part : parts) {
    heads.push_back(
        fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
                    boundary, file.type, content_range(part, file.size)));
    length += heads.back().size() + part.size();
  }
  heads.push_back(fmt::format("\r\n--{}--\r\n", boundary));
  length += heads.back().size();
  const std::string type = "multipart/byteranges; boundary=" + boundary;
  const Fields fields = fields_of(file, type);
  if (std::string why = response.begin({"206 Partial Content", fields.all()}, length);
      !why.empty())
    return response.fail(why);
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (response.write(heads[i]) != Taken::sent ||
        !response.send_file(file.fd.get(), parts[i].first, parts[i].size()))
      return;
  response.finish(heads.back());
}

}  // namespace monodon::worker
