// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "base/unique_fd.h"

namespace monodon::testing {

// A directory of the test's own, gone at its end.
class Scratch {
 public:
  Scratch() {
    std::string name = std::filesystem::temp_directory_path() / "monodon-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const {
    return path_ / name;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in{path_ / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

 private:
  std::filesystem::path path_;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
  // Everything that is in there now.
  [[nodiscard]] std::string drain() const {
    (void)::fcntl(read.get(), F_SETFL, O_NONBLOCK);
    std::string all;
    std::array<char, 65536> some{};
    for (auto n = ::read(read.get(), some.data(), some.size()); n > 0;
         n = ::read(read.get(), some.data(), some.size()))
      all.append(some.data(), static_cast<std::size_t>(n));
    return all;
  }
  UniqueFd read;
  UniqueFd write;
};

}  // namespace monodon::testing
