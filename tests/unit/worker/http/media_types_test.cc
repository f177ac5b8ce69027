// SPDX-License-Identifier: Apache-2.0
// Types of files, and names that never change their content.
#include "worker/http/media_types.h"

#include <catch2/catch.hpp>

using namespace monodon::http;

TEST_CASE("our table comes before that of the system, which adds to it", "[http]") {
  MediaTypes types;
  CHECK(types.of("a/b.JS") == "text/javascript; charset=utf-8");
  CHECK(types.of("x.woff2") == "font/woff2");
  CHECK(types.of("x.zzz") == "application/octet-stream");
  types.add(
      "# comment\napplication/javascript\tjs mjs\n\nx/zzz   zzz yyy # more\nx/none\n");
  CHECK(types.of("a.js") == "text/javascript; charset=utf-8");
  CHECK(types.of("x.zzz") == "x/zzz");
  CHECK(types.of("x.YYY") == "x/zzz");
  for (const char* name :
       {"README", "js", "dir.js/name", "x.", ".", "a.thisisnoextension"})
    CHECK(types.of(name) == "application/octet-stream");
}

TEST_CASE("only what becomes smaller is looked for compressed", "[http]") {
  const MediaTypes types;
  for (const char* name : {"a.css", "a.svg", "a.json", "a.wasm", "a.webmanifest"})
    CHECK(is_compressible(types.of(name)));
  for (const char* name : {"a.png", "a.woff2", "a.mp4", "a.gz", "a.zip"})
    CHECK_FALSE(is_compressible(types.of(name)));
}

TEST_CASE("a hash in a name is told from words, dates and versions", "[http]") {
  for (const char* name :
       {"app.55e7cbb9ba48.css", "admin/css/base.523eb49842a7.css", "main.3e5f9a1c.js",
        "index-BkG7sb3J.js", "app.55e7cbb9ba48.js.map", "chunk-3f8a9b2c.css",
        "main.8f3c2d1a.chunk.js", "2.8f3c2d1a.chunk.css", "main.8f3c2d1a.chunk.js.map"})
    CHECK(has_hash(name));
  for (const char* name : {"app.css",
                           "jquery.min.js",
                           "bootstrap-5.3.2.min.css",
                           "report-20240101.pdf",
                           "index-Homepage.js",
                           "photo-deadbeef.jpg",
                           "decade.facade.png",
                           "x.12345678.bin",
                           "photo-IMG1234a.jpg",
                           "550e8400-e29b-41d4-a716-4466554400aa.jpg",
                           ".55e7cbb9ba48.js",
                           "55e7cbb9ba48.js",
                           "8f3c2d1a.chunk.js",
                           "a.b.c.js",
                           "photo.8f3c2d1a.small.jpg",
                           "app-Version2.js",
                           "photo-Holiday1.js",
                           "report.Quarter3.css",
                           "lib-Win32x64.js",
                           "main-UTF8utf8.js"})
    CHECK_FALSE(has_hash(name));
}
