// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/gather.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>

#include "base/net/unix_address.h"
#include "base/unique_fd.h"

using namespace monodon;
using namespace monodon::cli;

TEST_CASE("lines of environment files that systemd ignores are named", "[doctor]") {
  CHECK(ignored_lines("# export A=1\nA=1\n; x\n\nB = 2\nexport C=secret\nsecret\n"
                      "D=\"a\nexport E=1\n\"\nF=1 \\\nexport G=2\n1H=2\n") ==
        std::vector<std::string>{"6: export C", "7: a line without =", "13: 1H"});
}

TEST_CASE("the journal's last reason is found among sentences without one",
          "[doctor]") {
  CHECK(last_words_in("a.service: Failed at step EXEC spawning /x: No such file\n"
                      "a.service: Main process exited, code=exited, status=203/EXEC\n"
                      "a.service: Failed with result 'exit-code'.\n"
                      "Failed to start a.service - A.\n") ==
        "Failed at step EXEC spawning /x: No such file");
  CHECK(last_words_in("monodon: cannot start: ImportError: no vault\n") ==
        "cannot start: ImportError: no vault");
  CHECK(last_words_in("2026 [1] [CRITICAL] bind: in use\n") == "bind: in use");
  CHECK(last_words_in(
            "a.service: Control process exited, code=exited, status=1/FAILURE\n") ==
        "Control process exited, code=exited, status=1/FAILURE");
  CHECK(last_words_in("all is well\n").empty());
}

TEST_CASE("who listens for metrics is looked up by address and port", "[doctor]") {
  constexpr const char* kText =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
      "uid "
      " timeout inode\n"
      "   0: 0100007F:239D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  "
      "  "
      " 0 77 1 0 100\n"
      "   1: 0100007F:239E 0100007F:239D 01 00000000:00000000 00:00000000 00000000  0  "
      "  "
      " 0 78 1 0 100\n"
      "   2: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  "
      "  "
      " 0 79 1 0 100\n";
  CHECK(listening_inode(kText, "127.0.0.1:9117") == "77");
  CHECK(listening_inode(kText, "localhost:9117") == "77");
  CHECK(listening_inode(kText, "10.0.0.1:9117").empty());
  CHECK(listening_inode(kText, "127.0.0.1:9118").empty());
  CHECK(listening_inode(kText, "127.0.0.1:8000") == "79");
  CHECK(listening_inode(kText, "unix:/run/m.sock").empty());
}

TEST_CASE("what systemctl shows and what a unit file says become the same",
          "[doctor]") {
  const Properties shown =
      parse_show("Type=notify\nListen=/run/a.sock (Stream)\n\nX\n");
  CHECK(property(shown, "Type") == "notify");
  CHECK(property(shown, "Listen") == "/run/a.sock (Stream)");
  const Properties socket = unit_properties(
      UnitFile{"[Socket]\nListenStream=/run/a.sock\nBacklog=9\n"}, "a.socket");
  CHECK(property(socket, "Listen") == "/run/a.sock");
  CHECK(property(socket, "Triggers") == "a.service");
  CHECK(exec_words("{ path=/x ; argv[]=/x serve a:b ; ignore_errors=no }") ==
        std::vector<std::string>{"/x", "serve", "a:b"});
  CHECK(exec_words("-/x serve 'a b'") ==
        std::vector<std::string>{"/x", "serve", "a b"});
}

TEST_CASE("the way to a socket is looked at step by step", "[doctor]") {
  namespace fs = std::filesystem;
  std::string name = fs::temp_directory_path() / "monodon-doctor-XXXXXX";
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const std::string path = name + "/a.sock";
  const UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = UnixAddress::of_path(path).value();
  REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
  CHECK(ask_socket(path, "x").error == ECONNREFUSED);
  CHECK(ask_socket(path + "x", "x").error == ENOENT);
  ::chmod(path.c_str(), 0640);
  const std::vector<PathStep> steps = path_steps(path);
  CHECK(steps.front().path == "/");
  CHECK(steps.back().is_socket);
  CHECK(steps.back().mode == 0640);
  CHECK(steps[steps.size() - 2].path == name);
  CHECK_FALSE(path_steps(path + "x").back().exists);
  const Account stranger{"stranger", true, 54321, {54321}};
  REQUIRE(closed_to(stranger, steps) != nullptr);
  CHECK(closed_to(stranger, steps)->path == name);  // mkdtemp: 0700
  CHECK(closed_to({"root", true, 0, {0}}, steps) == nullptr);
  fs::remove_all(name);
}

TEST_CASE("only sockets that listen under the very path count", "[doctor]") {
  constexpr const char* kText =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000: 00000002 00000000 00010000 0001 01 1 /run/a.sock\n"
      "0000: 00000003 00000000 00000000 0001 03 2 /run/a.sock\n"
      "0000: 00000002 00000000 00010000 0001 01 3 /other/run/a.sock\n";
  CHECK(count_listeners(kText, "/run/a.sock") == 1);
  CHECK(count_listeners("", "/run/a.sock") == 0);
}

TEST_CASE("what a unit lets its service write is told from its options", "[doctor]") {
  const Properties strict = {{"ProtectSystem", "strict"},
                             {"PrivateTmp", "yes"},
                             {"ProtectHome", "yes"},
                             {"ReadWritePaths", "-/srv/shop/logs"},
                             {"StateDirectory", "monodon/shop"}};
  CHECK_FALSE(is_read_only(strict, "/srv/shop/logs/access.log"));
  CHECK(is_read_only(strict, "/srv/shop/logs2"));
  CHECK_FALSE(is_read_only(strict, "/var/lib/monodon/shop/db.sqlite3"));
  CHECK(is_read_only(strict, "/var/lib/monodon"));
  CHECK_FALSE(is_read_only(strict, "/tmp/x"));
  CHECK(is_read_only(strict, std::string{"/home"} + "/shop/media"));
  CHECK(is_read_only({{"ProtectSystem", "full"}}, "/etc/shop"));
  CHECK_FALSE(is_read_only({{"ProtectSystem", "full"}}, "/srv/shop"));
  CHECK(is_read_only({{"ReadOnlyPaths", "/srv"}}, "/srv/shop"));
  CHECK_FALSE(is_read_only({}, "/srv/shop"));
}

TEST_CASE("a time span of systemd is read in each of its forms", "[doctor]") {
  CHECK(systemd_span("1min 30s") == 90'000);
  CHECK(systemd_span("45") == 45'000);
  CHECK(systemd_span("500ms") == 500);
  CHECK(systemd_span("30sec") == 30'000);
  CHECK_FALSE(systemd_span("infinity"));
  CHECK_FALSE(systemd_span(""));
}
