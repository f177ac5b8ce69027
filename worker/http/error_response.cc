// SPDX-License-Identifier: Apache-2.0
// Our own responses: a status, its phrase, a small page.
#include <algorithm>
#include <array>
#include <string>

#include "worker/http/response_head.h"

namespace monodon::http {

namespace {

struct KnownStatus {
  int status;
  std::string_view phrase;
};

// RFC 9110 15, RFC 6585, and the few others that are in use; sorted.
constexpr std::array kReasons = std::to_array<KnownStatus>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
});
static_assert(std::ranges::is_sorted(kReasons, {}, &KnownStatus::status));

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  const auto* const found =
      std::ranges::lower_bound(kReasons, status, {}, &KnownStatus::status);
  return found != kReasons.end() && found->status == status ? found->phrase
                                                            : std::string_view{};
}

std::string error_response(int status, std::string_view detail, std::string_view server,
                           std::string_view date, bool head_only) {
  std::string line = std::to_string(status) + ' ';
  line += reason_phrase(status);
  std::string page = "<!DOCTYPE html>\n<html><head><title>" + line +
                     "</title></head>\n<body><h1>" + line + "</h1>";
  if (!detail.empty()) {
    page += "<p>";
    append_escaped(page, detail);
    page += "</p>";
  }
  page += "</body></html>\n";
  const std::string length = std::to_string(page.size());
  std::string out = "HTTP/1.1 " + line + "\r\n";
  const auto field = [&out](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(name).append(": ").append(value).append("\r\n");
  };
  field("Content-Type", "text/html; charset=utf-8");
  field("Content-Length", length);
  if (status == 426) {  // RFC 9110 15.5.22, RFC 6455 4.4
    field("Upgrade", "websocket");
    field("Sec-WebSocket-Version", "13");
  }
  field("Server", server);
  field("Date", date);
  field("Connection", status == 426 ? "close, Upgrade" : "close");
  out += "\r\n";
  if (!head_only) out += page;
  return out;
}

}  // namespace monodon::http
