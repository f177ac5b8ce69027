// SPDX-License-Identifier: Apache-2.0
#include "base/net/unix_address.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstddef>

#include "base/unique_fd.h"
#include "tests/support/cpp/scratch.h"

namespace monodon {
namespace {

UniqueFd new_socket() {
  return UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
}

// What a listening socket says its name is, without the family.
std::string bound_name(const UnixAddress& address) {
  const UniqueFd fd = new_socket();
  REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  CHECK(::connect(new_socket().get(), address.data(), address.size()) == 0);
  sockaddr_un un{};
  socklen_t size = sizeof un;
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&un), &size) == 0);
  return {static_cast<const char*>(un.sun_path),
          size - offsetof(sockaddr_un, sun_path)};
}

TEST_CASE("a path and an abstract name become what the kernel means by them",
          "[unix_address]") {
  const testing::Scratch scratch;
  std::string path = scratch / "s";
  path.resize(UnixAddress::kLongest, 'x');
  const auto longest = UnixAddress::of_path(path);
  REQUIRE(longest);
  CHECK(bound_name(*longest) == path + '\0');
  CHECK(::access(path.c_str(), F_OK) == 0);

  const std::string name = "monodon unix_address_test " + std::to_string(::getpid());
  const auto abstract = UnixAddress::abstract(name);
  REQUIRE(abstract);
  CHECK(bound_name(*abstract) == '\0' + name);
}

TEST_CASE("a name that does not fit is none", "[unix_address]") {
  const std::string long_name(UnixAddress::kLongest + 1, 'x');
  CHECK_FALSE(UnixAddress::of_path(""));
  CHECK_FALSE(UnixAddress::of_path(long_name));
  CHECK_FALSE(UnixAddress::abstract(""));
  CHECK_FALSE(UnixAddress::abstract(long_name));
}

}  // namespace
}  // namespace monodon
