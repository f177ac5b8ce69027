// SPDX-License-Identifier: Apache-2.0
// What reading one request head and writing one response head costs.
//
//   ninja -C build bench/parser-bench && build/bench/parser-bench        nanoseconds
//   valgrind --tool=callgrind --toggle-collect='*parse_head*' PROGRAM 1000
//                                                                    instructions
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "worker/http/date.h"
#include "worker/http/forwarded.h"
#include "worker/http/parser.h"
#include "worker/http/response_head.h"

namespace {

using namespace monodon;

// As nginx passes on a browser's request: 12 fields, about 600 bytes.
constexpr std::string_view kRequest =
    "GET /catalogue/books/the-narwhal/?page=2&order=title HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "X-Forwarded-For: 203.0.113.195\r\n"
    "X-Forwarded-Proto: https\r\n"
    "X-Request-ID: 7f1c9a52d0b14fe18dcb6c1e0c5f8a13\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://www.example.com/catalogue/books/\r\n"
    "Cookie: csrftoken=aXq2mZ0vT1; sessionid=0123456789abcdef0123456789\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";

template <typename Work>
void measure(const char* name, unsigned rounds, Work work) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (unsigned i = 0; i < rounds; ++i) work();
  const std::chrono::duration<double, std::nano> spent = Clock::now() - start;
  std::printf("%-14s %8.1f ns\n", name, spent.count() / rounds);
}

}  // namespace

int main(int argc, char** argv) {
  unsigned rounds = 1'000'000;
  if (argc > 1) {
    (void)std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rounds);
  }
  http::RequestHead head;
  std::size_t scanned = 0;
  bool good = true;
  // Once before counting: the vectors of a connection have their room already.
  good = http::parse_head(kRequest, {}, scanned, head).state == http::Parse::complete;
  std::printf("request: %zu bytes, %zu fields\n", kRequest.size(), head.fields.size());
  measure("parse_head", rounds, [&] {
    const auto result = http::parse_head(kRequest, {}, scanned, head);
    good = good && result.state == http::Parse::complete;
  });

  worker::Settings settings;
  settings.forwarded_allow_ips = {"127.0.0.1", "::1"};
  settings.secure_scheme_headers = {"X-FORWARDED-PROTOCOL=ssl",
                                    "X-FORWARDED-PROTO=https", "X-FORWARDED-SSL=on"};
  const auto rules = http::Forwarding::compile(settings);
  const http::Peer proxy{"", 0, true};
  http::Origin origin;
  measure("resolve", rounds, [&] {
    good = rules.value().resolve(proxy, head, origin) == nullptr && good;
  });

  const std::vector<http::Field> fields{{"Content-Type", "text/html; charset=utf-8"},
                                        {"X-Frame-Options", "DENY"},
                                        {"Content-Length", "12345"},
                                        {"Vary", "Cookie"},
                                        {"X-Content-Type-Options", "nosniff"},
                                        {"Referrer-Policy", "same-origin"}};
  http::DateText date;
  std::string out;
  measure("write_head", rounds, [&] {
    http::ResponseContext context;
    context.request = &head;
    context.server = "monodon";
    context.date = date.now();
    context.known_length = 12345;
    out.clear();
    good = http::write_head({"200 OK", fields}, context, out).error.empty() && good;
  });
  return good ? 0 : 1;
}
