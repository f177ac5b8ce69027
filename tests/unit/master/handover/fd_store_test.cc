// SPDX-License-Identifier: Apache-2.0
#include "master/handover/fd_store.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <utility>

#include "worker/wire/handoff.h"

using namespace monodon;
using namespace monodon::master;

namespace {

UniqueFd any_descriptor() {
  return UniqueFd{::open("/dev/null", O_RDWR | O_CLOEXEC)};
}

Heirlooms with(const char* name, UniqueFd fd) {
  Heirlooms found;
  CHECK(take_heirloom(found, name, fd));
  CHECK_FALSE(fd);
  return found;
}

}  // namespace

TEST_CASE("stored descriptors are known by their names", "[fd_store]") {
  CHECK(with("monodon-board", any_descriptor()).board);
  CHECK(with("monodon-handoff-1-send", any_descriptor()).handoff.send);
  CHECK(with("monodon-handoff-1-receive", any_descriptor()).handoff.receive);
  const Heirlooms page = with("monodon-page-12-345", any_descriptor());
  REQUIRE(page.last_pages.size() == 1);
  CHECK(page.last_pages[0].slot == 12);
  CHECK(page.last_pages[0].serial == 345);
}

TEST_CASE("what another version has stored is taken out", "[fd_store]") {
  const char* name =
      GENERATE("monodon-handoff-2-send", "monodon-page-", "monodon-page-1",
               "monodon-page-1-x", "monodon-page-1-2-3", "monodon-probe");
  const Heirlooms found = with(name, any_descriptor());
  CHECK(found.alien == std::vector<std::string>{name});
  CHECK(found.last_pages.empty());
}

TEST_CASE("a descriptor of somebody else stays with the caller", "[fd_store]") {
  Heirlooms found;
  UniqueFd fd = any_descriptor();
  CHECK_FALSE(take_heirloom(found, "http", fd));
  CHECK(fd);
}

TEST_CASE("connections wait in a stored pair for whoever opens it next", "[fd_store]") {
  Heirlooms nothing;
  auto first = open_handoff(nothing);
  REQUIRE(first);
  UniqueFd connection = any_descriptor();
  for (int i = 0; i < 500; ++i)
    REQUIRE(worker::send_handoff(first.value().send.get(), connection.get(),
                                 {.kept = true, .input = "GET"}));
  Heirlooms found;
  found.handoff = std::move(first).value();
  auto next = open_handoff(found);
  REQUIRE(next);
  CHECK(found.alien.empty());
  int waiting = 0;
  while (worker::receive_handoff(next.value().receive.get())) ++waiting;
  CHECK(waiting == 500);
}

TEST_CASE("a stored pair that somebody shut down is replaced", "[fd_store]") {
  Heirlooms found;
  auto stored = make_handoff();
  REQUIRE(stored);
  found.handoff = std::move(stored).value();
  const int how = GENERATE(int{SHUT_RD}, int{SHUT_WR}, int{SHUT_RDWR});
  const bool sending = GENERATE(true, false);
  (void)::shutdown((sending ? found.handoff.send : found.handoff.receive).get(), how);
  auto made = open_handoff(found);
  REQUIRE(made);
  CHECK(found.alien.size() == 2);
  const UniqueFd connection = any_descriptor();
  CHECK(worker::send_handoff(made.value().send.get(), connection.get(), {}));
}

TEST_CASE("half a pair, and what is no pair, are replaced", "[fd_store]") {
  Heirlooms found;
  found.handoff.send = any_descriptor();
  if (GENERATE(true, false)) found.handoff.receive = any_descriptor();
  auto made = open_handoff(found);
  REQUIRE(made);
  CHECK(found.alien.size() == 2);
  const UniqueFd connection = any_descriptor();
  CHECK(worker::send_handoff(made.value().send.get(), connection.get(), {}));
}
