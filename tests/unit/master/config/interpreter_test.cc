// SPDX-License-Identifier: Apache-2.0
#include "master/config/interpreter.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/files/install_paths.h"

using namespace monodon::master;

namespace {

namespace fs = std::filesystem;

struct Tree {
  fs::path root;
  Tree() {
    std::string name = fs::temp_directory_path() / "monodon-python-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
  }
  ~Tree() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }
  std::string program(const fs::path& place, fs::perms perms = fs::perms::all) const {
    fs::create_directories((root / place).parent_path());
    std::ofstream{root / place} << "#!/bin/sh\n";
    fs::permissions(root / place, perms);
    return root / place;
  }
  std::string path(const fs::path& place) const { return root / place; }
};

}  // namespace

TEST_CASE("the interpreter is looked for from the nearest to the farthest",
          "[interpreter]") {
  const Tree tree;
  const std::string dir = tree.root;
  const InterpreterHints hints{tree.path("env"),
                               tree.path("none") + ":" + tree.path("bin")};
  const InterpreterHints bare{"", hints.path};
  CHECK(find_interpreter("", dir, bare).error().what.find("--python") !=
        std::string::npos);

  const std::string in_path = tree.program("bin/python3");
  CHECK(find_interpreter("", dir, bare).value().path == in_path);
  CHECK(find_interpreter("", dir, bare).value().how == "PATH");
  const std::string venv = tree.program("venv/bin/python");
  CHECK(find_interpreter("", dir, bare).value().path == venv);
  const std::string dot_venv = tree.program(".venv/bin/python");
  CHECK(find_interpreter("", dir, bare).value().path == dot_venv);
  CHECK(find_interpreter("", dir, bare).value().how == ".venv in " + dir);
  const std::string env = tree.program("env/bin/python");
  CHECK(find_interpreter("", dir, hints).value().path == env);
  CHECK(find_interpreter("python3", dir, hints).value().path == in_path);
  CHECK(find_interpreter("venv/bin/python", dir, hints).value().path == venv);
}

TEST_CASE("an interpreter that was named is never replaced by another",
          "[interpreter]") {
  const Tree tree;
  const std::string dir = tree.root;
  const InterpreterHints hints{tree.path("env"), tree.path("bin")};
  (void)tree.program("bin/python3");
  CHECK(find_interpreter("", dir, hints).error().what ==
        "VIRTUAL_ENV: " + tree.path("env/bin/python") + ": No such file or directory");
  CHECK(find_interpreter("/no/python", dir, hints).error().what ==
        "python: /no/python: No such file or directory");
  CHECK(find_interpreter("python9", dir, hints).error().what ==
        "python: there is no python9 in PATH");
  CHECK(find_interpreter(dir, dir, hints).error().what ==
        "python: " + dir + " is not a file");
}

TEST_CASE("a link to the interpreter is kept as it is", "[interpreter]") {
  const Tree tree;
  const std::string real = tree.program("real/python3.11");
  fs::create_directories(tree.root / ".venv/bin");
  fs::create_symlink(real, tree.root / ".venv/bin/python");
  CHECK(find_interpreter("", tree.root, {}).value().path ==
        tree.path(".venv/bin/python"));
}

TEST_CASE("installed files are found through MONODON_LIBDIR first", "[interpreter]") {
  const Tree tree;
  const std::string file = tree.program("zygote-of-test.py");
  ::setenv("MONODON_LIBDIR", tree.root.c_str(), 1);
  CHECK(find_in_libdir("zygote-of-test.py").value() == file);
  ::unsetenv("MONODON_LIBDIR");
  const auto missing = find_in_libdir("zygote-of-test.py");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what.find("../lib/monodon/zygote-of-test.py") !=
        std::string::npos);
}
