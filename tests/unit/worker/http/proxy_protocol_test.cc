// SPDX-License-Identifier: Apache-2.0
#include "worker/http/proxy_protocol.h"

#include <catch2/catch.hpp>
#include <string>

using namespace monodon::http;
using namespace std::string_literals;

namespace {

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string binary(char command, char family, const std::string& body) {
  return kSignature + command + family + static_cast<char>(body.size() / 256) +
         static_cast<char>(body.size() % 256) + body;
}

const std::string kFour = "\xc0\0\2\1\xc0\0\2\2\xc3\x50\0\x50"s;

}  // namespace

TEST_CASE("a PROXY line says who the client is", "[proxy_protocol]") {
  const std::string line = "PROXY TCP4 192.0.2.1 192.0.2.2 50000 80\r\n";
  for (const ProxyVersions on : {ProxyVersions::one, ProxyVersions::both}) {
    const ProxyHeader header = read_proxy_header(line + "GET / HTTP/1.1\r\n", on);
    CHECK(header.state == Parse::complete);
    CHECK(header.consumed == line.size());
    CHECK(header.client == "192.0.2.1");
    CHECK(header.port == 50000);
    CHECK(header.address == *parse_address("192.0.2.1"));
  }
  const ProxyHeader six =
      read_proxy_header("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", ProxyVersions::both);
  CHECK(six.client == "2001:db8::1");
  CHECK(six.port == 1);
}

TEST_CASE("a PROXY line that names nobody is taken off", "[proxy_protocol]") {
  for (const std::string line :
       {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"}) {
    const ProxyHeader header = read_proxy_header(line, ProxyVersions::one);
    CHECK(header.state == Parse::complete);
    CHECK(header.consumed == line.size());
    CHECK(header.client.empty());
  }
}

TEST_CASE("a PROXY line is read strictly", "[proxy_protocol]") {
  for (const std::string line :
       {"PROXY TCP4 192.0.2.1 192.0.2.2 50000\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 50000 80 \r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 50000 80\r\n",
        "PROXY TCP4 ::1 ::1 50000 80\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 80\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 080 80\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 80 80\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY \r\n"}) {
    CAPTURE(line);
    CHECK(read_proxy_header(line, ProxyVersions::both).state == Parse::failed);
  }
  const std::string endless = "PROXY UNKNOWN " + std::string(100, 'x');
  CHECK(read_proxy_header(endless, ProxyVersions::one).state == Parse::failed);
}

TEST_CASE("a binary PROXY header says who the client is", "[proxy_protocol]") {
  const std::string four = binary('\x21', '\x11', kFour + "\x04\0\0"s);  // with a TLV
  const ProxyHeader header = read_proxy_header(four + "GET", ProxyVersions::two);
  CHECK(header.state == Parse::complete);
  CHECK(header.consumed == four.size());
  CHECK(header.client == "192.0.2.1");
  CHECK(header.port == 50000);
  const std::string six = binary('\x21', '\x21',
                                 "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\1" +
                                     std::string(16, '\0') + "\0\1\0\2"s);
  CHECK(read_proxy_header(six, ProxyVersions::both).client == "2001:db8::1");
  CHECK(read_proxy_header(six, ProxyVersions::both).port == 1);
}

TEST_CASE("a binary PROXY header may name nobody", "[proxy_protocol]") {
  for (const std::string& bytes :
       {binary('\x20', '\0', ""), binary('\x20', '\x11', kFour),
        binary('\x21', '\0', ""), binary('\x21', '\x31', std::string(216, 'x'))}) {
    const ProxyHeader header = read_proxy_header(bytes, ProxyVersions::two);
    CHECK(header.state == Parse::complete);
    CHECK(header.consumed == bytes.size());
    CHECK(header.client.empty());
  }
}

TEST_CASE("a binary PROXY header is read strictly", "[proxy_protocol]") {
  for (const std::string& bytes :
       {binary('\x11', '\x11', kFour), binary('\x22', '\x11', kFour),
        binary('\x21', '\x41', kFour), binary('\x21', '\x13', kFour),
        binary('\x21', '\x11', kFour.substr(0, 11)), binary('\x21', '\x21', kFour),
        binary('\x21', '\x11', std::string(5000, 'x'))})
    CHECK(read_proxy_header(bytes, ProxyVersions::two).state == Parse::failed);
}

TEST_CASE("a PROXY header may come byte by byte", "[proxy_protocol]") {
  for (const std::string& bytes : {"PROXY TCP4 192.0.2.1 192.0.2.2 50000 80\r\n"s,
                                   binary('\x21', '\x11', kFour)}) {
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK(read_proxy_header(std::string_view{bytes}.substr(0, size),
                              ProxyVersions::both)
                .state == Parse::incomplete);
    CHECK(read_proxy_header(bytes, ProxyVersions::both).state == Parse::complete);
  }
}

TEST_CASE("what is no PROXY header is left as it is", "[proxy_protocol]") {
  const std::string line = "PROXY UNKNOWN\r\n";
  for (const auto& [bytes, on] :
       {std::pair{"GET / HTTP/1.1\r\n"s, ProxyVersions::both},
        std::pair{"PUT / HTTP/1.1\r\n"s, ProxyVersions::both},
        std::pair{"PROXYX / HTTP/1.1\r\n"s, ProxyVersions::both},
        std::pair{line, ProxyVersions::two},
        std::pair{binary('\x20', '\0', ""), ProxyVersions::one}}) {
    const ProxyHeader header = read_proxy_header(bytes, on);
    CHECK(header.state == Parse::complete);
    CHECK(header.consumed == 0);
  }
}
