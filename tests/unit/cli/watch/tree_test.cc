// SPDX-License-Identifier: Apache-2.0
// What a second look finds that was different at the first.
#include "cli/watch/tree.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon::cli;
using monodon::testing::Scratch;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kLater = 4'000'000'000'000'000'000;

struct WatchedSite {
  WatchedSite() {
    fs::create_directories(scratch / "site/blog");
    write("app.py", "1");
    write("blog/views.py", "1");
    (void)all();
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream{scratch / ("site/" + name)} << text;
  }
  // Names below the site, and how the hooks were called.
  std::set<std::string> all() {
    Tree::Changes changes;
    tree.look_at_all(changes);
    return shortened(changes);
  }
  std::set<std::string> look(const std::string& directory = "") {
    Tree::Changes changes;
    tree.look(scratch / ("site" + directory), changes);
    return shortened(changes);
  }
  std::set<std::string> shortened(const Tree::Changes& changes) const {
    std::set<std::string> names;
    for (const std::string& path : changes)
      names.insert(path.substr((scratch / "site/").size()));
    return names;
  }

  Scratch scratch;
  std::vector<std::string> entered, left;
  Interest interest{{scratch / "site"}, {}};
  Tree tree{interest,
            {[this](const std::string& d) { entered.push_back(d); },
             [this](const std::string& d) { left.push_back(d); }}};
};

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("only what is different is a change, whatever way it was saved", "[watch]") {
  WatchedSite site;
  CHECK(site.all() == Names{});
  site.write("app.py", "22");
  CHECK(site.look() == Names{"app.py"});
  CHECK(site.look() == Names{});
  site.write("new.py", "1");
  fs::rename(site.scratch / "site/new.py", site.scratch / "site/app.py");
  CHECK(site.look() == Names{"app.py"});
  fs::remove(site.scratch / "site/app.py");
  CHECK(site.look() == Names{"app.py"});
  site.write("notes.txt", "no code");
  CHECK(site.look() == Names{});
}

TEST_CASE("a new directory is read with all that is in it, and one that went is told",
          "[watch]") {
  WatchedSite site;
  fs::create_directories(site.scratch / "site/shop/deep");
  site.write("shop/deep/models.py", "1");
  CHECK(site.look() == Names{"shop/deep/models.py"});
  CHECK(site.entered.back() == site.scratch / "site/shop/deep");
  fs::remove_all(site.scratch / "site/shop");
  CHECK(site.look() == Names{"shop/deep/models.py"});
  CHECK(site.left.size() == 2);
  CHECK(site.look("/blog") == Names{});
}

TEST_CASE("a look at a directory does not read those that it knows below", "[watch]") {
  WatchedSite site;
  site.write("blog/views.py", "22");
  CHECK(site.look() == Names{});
  CHECK(site.all() == Names{"blog/views.py"});
}

TEST_CASE("what was changed during the first look is told by its time", "[watch]") {
  WatchedSite site;
  CHECK(site.shortened(site.tree.changed_since(0)) == Names{"app.py", "blog/views.py"});
  CHECK(site.tree.changed_since(kLater).empty());
}

TEST_CASE("a link that leads back ends, and both names of a directory are one",
          "[watch]") {
  WatchedSite site;
  fs::create_directory_symlink(site.scratch / "site", site.scratch / "site/blog/again");
  fs::create_directory_symlink(site.scratch / "site/blog", site.scratch / "site/alias");
  CHECK(site.all() == Names{});
  site.write("blog/views.py", "22");
  CHECK(site.look("/alias") == Names{"blog/views.py"});
}

TEST_CASE("a virtual environment is not read, whatever its name", "[watch]") {
  WatchedSite site;
  fs::create_directories(site.scratch / "site/env/lib");
  site.write("env/pyvenv.cfg", "");
  site.write("env/lib/x.py", "1");
  CHECK(site.all() == Names{});
}

TEST_CASE("a module elsewhere is looked at from now on, and not its neighbours",
          "[watch]") {
  WatchedSite site;
  fs::create_directories(site.scratch / "lib");
  std::ofstream{site.scratch / "lib/mine.py"} << "1";
  std::ofstream{site.scratch / "lib/other.py"} << "1";
  REQUIRE(site.interest.add_file(site.scratch / "lib/mine.py"));
  CHECK_FALSE(site.tree.add_file(site.scratch / "lib/mine.py", kLater));
  CHECK(site.entered.back() == site.scratch / "lib");
  std::ofstream{site.scratch / "lib/mine.py"} << "22";
  std::ofstream{site.scratch / "lib/other.py"} << "22";
  Tree::Changes changes;
  site.tree.look(site.scratch / "lib", changes);
  CHECK(changes == Tree::Changes{site.scratch / "lib/mine.py"});
}

TEST_CASE("a module that was saved since its import began is a change", "[watch]") {
  WatchedSite site;
  fs::create_directories(site.scratch / "lib");
  std::ofstream{site.scratch / "lib/mine.py"} << "1";
  CHECK(site.tree.add_file(site.scratch / "lib/mine.py", 1));
  CHECK_FALSE(site.tree.add_file(site.scratch / "lib/mine.py", 1));  // it is known
  CHECK_FALSE(site.tree.add_file(site.scratch / "lib/none.py", 1));
}
