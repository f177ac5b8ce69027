// SPDX-License-Identifier: Apache-2.0
// Which files are code.
#include "cli/watch/interest.h"

#include <catch2/catch.hpp>

using monodon::cli::Interest;

TEST_CASE("code and templates of the application are of interest, and nothing else",
          "[watch]") {
  const Interest interest{{"/srv/site", "/srv/lib"}, {}};
  for (const char* path :
       {"/srv/site/app.py", "/srv/site/a/b/views.py", "/srv/lib/x.so", "/srv/site/.env",
        "/srv/site/blog/templates/mail/body.txt", "/srv/site/templates/x.css",
        "/srv/site/page.html", "/srv/site/locale/de/LC_MESSAGES/django.mo"})
    CHECK(interest.wants_file(path));
  for (const char* path :
       {"/srv/site/db.sqlite3", "/srv/site/log/app.log", "/srv/site/.git/x.py",
        "/srv/site/__pycache__/app.cpython-313.py", "/srv/site/app.py~",
        "/srv/site/.#app.py", "/srv/site/#app.py#", "/srv/site/.app.py.swp",
        "/srv/site/node_modules/a/templates/x.html", "/srv/site-two/app.py",
        "/srv/site/templates/.x.html.swp", "/etc/site.py", "/srv/site"})
    CHECK_FALSE(interest.wants_file(path));
}

TEST_CASE("directories that hold no code are not entered", "[watch]") {
  const Interest interest{{"/srv/site"}, {}};
  CHECK(interest.enters("/srv/site"));
  CHECK(interest.enters("/srv/site/blog/templates"));
  for (const char* path : {"/srv", "/srv/site/.git", "/srv/site/.venv/lib",
                           "/srv/site/a/__pycache__", "/srv/site/v/site-packages/x"})
    CHECK_FALSE(interest.enters(path));
}

TEST_CASE("a root that is hidden itself is entered: somebody has named it", "[watch]") {
  const Interest interest{{"/home/.sites/one"}, {}};
  CHECK(interest.wants_file("/home/.sites/one/app.py"));
  CHECK(interest.enters("/home/.sites/one/blog"));
}

TEST_CASE("patterns name files, whole directories, or what fits wildcards", "[watch]") {
  const Interest interest{
      {}, {"/etc/site.toml", "/conf/*.yaml", "/data/**/*.json", "/all/of/it"}};
  CHECK(interest.starts() ==
        std::vector<std::string>{"/etc", "/conf", "/data", "/all/of"});
  for (const char* path : {"/etc/site.toml", "/conf/a.yaml", "/data/x/y/z.json",
                           "/data/z.json", "/all/of/it/.hidden/file"})
    CHECK(interest.wants_file(path));
  for (const char* path :
       {"/etc/other.toml", "/conf/deep/a.yaml", "/data/x/y/z.txt", "/all/of/other"})
    CHECK_FALSE(interest.wants_file(path));
  CHECK(interest.enters("/data/x/y"));
  CHECK(interest.enters("/all/of/it/deep"));
  CHECK_FALSE(interest.enters("/conf/deep"));
  CHECK_FALSE(interest.enters("/etc/ssl"));
}

TEST_CASE("the file of a module is of interest alone, and told once", "[watch]") {
  Interest interest{{"/srv/site"}, {}};
  CHECK_FALSE(interest.add_file("/srv/site/app.py"));  // it was before
  CHECK(interest.add_file("/usr/lib/python3/mine.py"));
  CHECK_FALSE(interest.add_file("/usr/lib/python3/mine.py"));
  CHECK(interest.wants_file("/usr/lib/python3/mine.py"));
  CHECK_FALSE(interest.wants_file("/usr/lib/python3/other.py"));
  CHECK_FALSE(interest.enters("/usr/lib/python3/package"));
  CHECK(interest.starts().back() == "/usr/lib/python3");
}
