// SPDX-License-Identifier: Apache-2.0
// What kind of file a name promises.
#include "worker/http/media_types.h"

#include <algorithm>
#include <array>

#include "base/text/lower.h"

namespace monodon::http {
namespace {

struct Row {
  std::string_view extension;
  std::string_view type;
};

// Sorted by extension.
constexpr std::array kTypes{
    Row{"7z", "application/x-7z-compressed"},
    Row{"aac", "audio/aac"},
    Row{"apng", "image/apng"},
    Row{"avif", "image/avif"},
    Row{"bin", "application/octet-stream"},
    Row{"bmp", "image/bmp"},
    Row{"br", "application/octet-stream"},
    Row{"bz2", "application/x-bzip2"},
    Row{"cjs", "text/javascript; charset=utf-8"},
    Row{"css", "text/css; charset=utf-8"},
    Row{"csv", "text/csv; charset=utf-8"},
    Row{"doc", "application/msword"},
    Row{"docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Row{"eot", "application/vnd.ms-fontobject"},
    Row{"epub", "application/epub+zip"},
    Row{"flac", "audio/flac"},
    Row{"geojson", "application/geo+json"},
    Row{"gif", "image/gif"},
    Row{"glb", "model/gltf-binary"},
    Row{"gltf", "model/gltf+json"},
    Row{"gz", "application/gzip"},
    Row{"heic", "image/heic"},
    Row{"heif", "image/heif"},
    Row{"htm", "text/html; charset=utf-8"},
    Row{"html", "text/html; charset=utf-8"},
    Row{"ico", "image/vnd.microsoft.icon"},
    Row{"ics", "text/calendar; charset=utf-8"},
    Row{"jpeg", "image/jpeg"},
    Row{"jpg", "image/jpeg"},
    Row{"js", "text/javascript; charset=utf-8"},
    Row{"json", "application/json"},
    Row{"jsonld", "application/ld+json"},
    Row{"jxl", "image/jxl"},
    Row{"m3u8", "application/vnd.apple.mpegurl"},
    Row{"m4a", "audio/mp4"},
    Row{"m4v", "video/mp4"},
    Row{"map", "application/json"},
    Row{"md", "text/markdown; charset=utf-8"},
    Row{"mjs", "text/javascript; charset=utf-8"},
    Row{"mkv", "video/matroska"},
    Row{"mov", "video/quicktime"},
    Row{"mp3", "audio/mpeg"},
    Row{"mp4", "video/mp4"},
    Row{"mpeg", "video/mpeg"},
    Row{"odp", "application/vnd.oasis.opendocument.presentation"},
    Row{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    Row{"odt", "application/vnd.oasis.opendocument.text"},
    Row{"oga", "audio/ogg"},
    Row{"ogg", "audio/ogg"},
    Row{"ogv", "video/ogg"},
    Row{"opus", "audio/ogg"},
    Row{"otf", "font/otf"},
    Row{"pdf", "application/pdf"},
    Row{"png", "image/png"},
    Row{"ppt", "application/vnd.ms-powerpoint"},
    Row{"pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    Row{"ps", "application/postscript"},
    Row{"rss", "application/rss+xml"},
    Row{"rtf", "text/rtf"},
    Row{"svg", "image/svg+xml"},
    Row{"svgz", "image/svg+xml"},
    Row{"tar", "application/x-tar"},
    Row{"tif", "image/tiff"},
    Row{"tiff", "image/tiff"},
    Row{"ts", "video/mp2t"},
    Row{"ttc", "font/collection"},
    Row{"ttf", "font/ttf"},
    Row{"txt", "text/plain; charset=utf-8"},
    Row{"vtt", "text/vtt; charset=utf-8"},
    Row{"wasm", "application/wasm"},
    Row{"wav", "audio/vnd.wave"},
    Row{"weba", "audio/webm"},
    Row{"webm", "video/webm"},
    Row{"webmanifest", "application/manifest+json"},
    Row{"webp", "image/webp"},
    Row{"woff", "font/woff"},
    Row{"woff2", "font/woff2"},
    Row{"xhtml", "application/xhtml+xml"},
    Row{"xls", "application/vnd.ms-excel"},
    Row{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Row{"xml", "application/xml"},
    Row{"xsl", "application/xslt+xml"},
    Row{"xz", "application/x-xz"},
    Row{"zip", "application/zip"},
    Row{"zst", "application/zstd"},
};
static_assert(std::ranges::is_sorted(kTypes, {}, &Row::extension));

constexpr std::string_view kUnknown = "application/octet-stream";
constexpr std::size_t kLongestExtension = 16;

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

struct Letters {
  bool digit = false, upper = false, lower = false, hex = true, word = true;
  unsigned changes = 0;  // from one kind to another
};

Letters letters_of(std::string_view text) {
  Letters all;
  int before = -1;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    const bool upper = c >= 'A' && c <= 'Z';
    const bool lower = c >= 'a' && c <= 'z';
    all.digit = all.digit || digit;
    all.upper = all.upper || upper;
    all.lower = all.lower || lower;
    all.hex = all.hex && (digit || (c >= 'a' && c <= 'f'));
    all.word = all.word && (digit || upper || lower || c == '_' || c == '-');
    const int kind = digit ? 0 : upper ? 1 : lower ? 2 : 3;
    all.changes += before != -1 && before != kind;
    before = kind;
  }
  return all;
}

// "app.55e7cbb9ba48", "index-BkG7sb3J"
bool ends_with_hash(std::string_view name, bool of_bundler) {
  const std::size_t mark = name.find_last_of(".-");
  if (mark == std::string_view::npos || mark == 0) return false;
  const std::string_view part = name.substr(mark + 1);
  const Letters letters = letters_of(part);
  // A date is digits only, a word has none.
  if (letters.hex && letters.digit && letters.lower) {
    const std::size_t size = part.size();
    return name[mark] == '.'
               ? size >= 8
               : size == 8 || size == 20 || size == 32 || size == 40 || size == 64;
  }
  // "Version2" and "Win32x64" change between capitals, letters and digits less often.
  constexpr unsigned kFewestChanges = 5;
  return of_bundler && part.size() == 8 && letters.word && letters.digit &&
         letters.upper && letters.lower && letters.changes >= kFewestChanges;
}

}  // namespace

void MediaTypes::add(std::string_view mime_types) {
  constexpr std::string_view kBlanks = " \t\r";
  while (!mime_types.empty()) {
    const std::size_t end = std::min(mime_types.find('\n'), mime_types.size());
    std::string_view line = mime_types.substr(0, end);
    mime_types.remove_prefix(std::min(end + 1, mime_types.size()));
    line = line.substr(0, line.find('#'));
    std::string_view type;
    while (!line.empty()) {
      line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
      const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
      line.remove_prefix(word.size());
      if (word.empty()) break;
      if (type.empty())
        type = word;
      else
        more_.try_emplace(lower(word), type);
    }
  }
}

std::string_view MediaTypes::of(std::string_view file_name) const {
  const std::string_view name = last_part(file_name);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > kLongestExtension)
    return kUnknown;
  const std::string extension = lower(name.substr(dot + 1));
  const auto* const row = std::ranges::lower_bound(kTypes, std::string_view{extension},
                                                   {}, &Row::extension);
  if (row != kTypes.end() && row->extension == extension) return row->type;
  const auto found = more_.find(extension);
  return found == more_.end() ? kUnknown : std::string_view{found->second};
}

bool is_compressible(std::string_view media_type) {
  return media_type.starts_with("text/") ||
         media_type.find("json") != media_type.npos ||
         media_type.find("xml") != media_type.npos ||
         media_type.find("javascript") != media_type.npos ||
         media_type == "application/wasm" || media_type == "font/ttf" ||
         media_type == "font/otf" || media_type == "image/bmp" ||
         media_type == "image/vnd.microsoft.icon";
}

bool has_hash(std::string_view file_name) {
  std::string_view name = last_part(file_name);
  std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view extension = name.substr(dot + 1);
  if (extension == "map" && dot != 0) {  // "app.55e7cbb9ba48.js.map"
    const std::size_t before = name.rfind('.', dot - 1);
    if (before != std::string_view::npos &&
        name.substr(before, dot - before).size() <= 4)
      dot = before;
  }
  name = name.substr(0, dot);
  const bool of_bundler = extension == "js" || extension == "mjs" ||
                          extension == "css" || extension == "map";
  if (ends_with_hash(name, of_bundler)) return true;
  // "main.8f3c2d1a.chunk.js"
  const std::size_t word = name.rfind('.');
  return of_bundler && word != std::string_view::npos &&
         ends_with_hash(name.substr(0, word), of_bundler);
}

}  // namespace monodon::http
