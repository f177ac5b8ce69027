// SPDX-License-Identifier: Apache-2.0
#include "bench/load_requests.h"

#include <fmt/format.h>

namespace monodon::bench {

namespace {

constexpr unsigned kVariants = 1024;

std::string ending(const LoadOptions& options) {
  std::string text = options.keep_alive ? "" : "Connection: close\r\n";
  if (options.body != 0)
    text +=
        fmt::format("Content-Type: application/octet-stream\r\nContent-Length: {}\r\n",
                    options.body);
  text += "\r\n";
  text.append(options.body, 'x');
  return text;
}

const char* method(const LoadOptions& options) {
  return options.body != 0 ? "POST" : "GET";
}

std::string varied(const LoadOptions& options, unsigned i) {
  const unsigned shape = i % 4;
  std::string text = fmt::format(
      "{} {}?page={}&item={:x} HTTP/1.1\r\n"
      "Host: www.example.com\r\n"
      "X-Forwarded-For: 203.0.{}.{}\r\n"
      "X-Forwarded-Proto: https\r\n"
      "X-Request-ID: 7f1c9a52d0b14fe1{:016x}\r\n"
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101\r\n",
      method(options), options.path, i % 7, i * 2654435761U, i % 256, i % 251,
      i * 0x9e3779b97f4a7c15ULL, 112 + i % 16);
  text += "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";
  if (shape != 1) text += "Accept-Language: en-GB,en;q=0.5\r\n";
  if (shape == 2) text += "DNT: 1\r\nSec-Fetch-Mode: navigate\r\n";
  text += "Accept-Encoding: gzip, deflate, br\r\n";
  if (shape != 3)
    text += fmt::format("Referer: https://www.example.com/catalogue/{}/\r\n", i % 97);
  text += fmt::format("Cookie: csrftoken={0:032x}; sessionid={1:032x}; seen={2}\r\n",
                      i * 7919ULL, i * 104729ULL, i);
  if (shape == 0) text += "Cache-Control: max-age=0\r\n";
  text += "Upgrade-Insecure-Requests: 1\r\n";
  return text + ending(options);
}

}  // namespace

std::string request_text(const LoadOptions& options, const std::string& path) {
  std::string text = fmt::format(
      "{} {} HTTP/1.1\r\n"
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
      "Upgrade-Insecure-Requests: 1\r\n",
      method(options), path);
  return text + ending(options);
}

std::vector<std::string> request_texts(const LoadOptions& options) {
  if (!options.vary) return {request_text(options, options.path)};
  std::vector<std::string> texts;
  for (unsigned i = 0; i < kVariants; ++i) texts.push_back(varied(options, i));
  return texts;
}

}  // namespace monodon::bench
