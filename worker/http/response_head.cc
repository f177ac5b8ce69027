// SPDX-License-Identifier: Apache-2.0
#include "worker/http/response_head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/number.h"
#include "worker/http/chars.h"

namespace monodon::http {

namespace {

// As large as a file offset can be.
constexpr std::uint64_t kLongestBody = std::numeric_limits<std::int64_t>::max();

using Reason = const char*;  // to refuse; null: fine

void append_field(std::string& out, std::string_view name, std::string_view value) {
  // Piece by piece on the stack: growing a string clears what is about to be written.
  std::array<char, 256> line;
  const std::size_t size = name.size() + value.size() + 4;
  if (size > line.size()) {
    out.append(name).append(": ").append(value).append("\r\n");
    return;
  }
  char* to = std::copy(name.begin(), name.end(), line.data());
  *to++ = ':';
  *to++ = ' ';
  to = std::copy(value.begin(), value.end(), to);
  *to++ = '\r';
  *to = '\n';
  out.append(line.data(), size);
}

void append_length(std::string& out, std::uint64_t length) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, length).ptr;
  append_field(out, "Content-Length", {digits, static_cast<std::size_t>(end - digits)});
}

// 0 if it is not 3 digits, SP, text without control bytes.
int parse_status(std::string_view status) {
  int number = 0;
  if (status.size() < 4 || status[3] != ' ') return 0;
  const auto [stop, error] = std::from_chars(status.data(), status.data() + 3, number);
  if (error != std::errc{} || stop != status.data() + 3) return 0;
  const char* const end = status.data() + status.size();
  return find_control(status.data(), end) == end ? number : 0;
}

// One response head on its way into `out`.
class HeadWriter {
 public:
  HeadWriter(const ResponseContext& context, std::string& out)
      : context_{context}, out_{out} {}

  Reason begin(std::string_view status);
  Reason field(const Field& field);
  Reason finish(ResponsePlan& plan);

 private:
  enum class Named : std::uint8_t {
    other,
    server,
    date,
    connection,
    length,
    hop_by_hop
  };
  static Named classify(std::string_view name) noexcept;
  Reason content_length(std::string_view value);
  Reason connection(std::string_view value);
  Reason decide_framing(ResponsePlan& plan);

  const ResponseContext& context_;
  std::string& out_;
  int status_ = 0;
  bool head_ = false;
  bool minor_ = true;  // HTTP/1.1
  bool server_ = false;
  bool date_ = false;
  bool close_ = false;
  bool has_length_ = false;
  std::uint64_t length_ = 0;
};

Reason HeadWriter::begin(std::string_view status) {
  status_ = parse_status(status);
  if (status_ < 200 || status_ > 599) {
    return "status is not three digits from 200 to 599, a space and text";
  }
  if (context_.request != nullptr) {
    head_ = context_.request->method == "HEAD";
    minor_ = context_.request->minor_version != 0;
  }
  // Always our own version, also to an HTTP/1.0 client (RFC 9110 6.2).
  out_ += "HTTP/1.1 ";
  out_ += status;
  out_ += "\r\n";
  return nullptr;
}

HeadWriter::Named HeadWriter::classify(std::string_view name) noexcept {
  const auto is = [name](std::string_view lower) { return equals_lower(name, lower); };
  switch (name.size()) {
    case 2:
      return is("te") ? Named::hop_by_hop : Named::other;
    case 4:
      return is("date") ? Named::date : Named::other;
    case 6:
      return is("server") ? Named::server : Named::other;
    case 7:
      return is("trailer") || is("upgrade") ? Named::hop_by_hop : Named::other;
    case 8:
      return is("trailers") ? Named::hop_by_hop : Named::other;
    case 10:
      if (is("connection")) return Named::connection;
      return is("keep-alive") ? Named::hop_by_hop : Named::other;
    case 14:
      return is("content-length") ? Named::length : Named::other;
    case 16:
      return is("proxy-connection") ? Named::hop_by_hop : Named::other;
    case 17:
      return is("transfer-encoding") ? Named::hop_by_hop : Named::other;
    case 18:
      return is("proxy-authenticate") ? Named::hop_by_hop : Named::other;
    case 19:
      return is("proxy-authorization") ? Named::hop_by_hop : Named::other;
    default:
      return Named::other;
  }
}

Reason HeadWriter::field(const Field& field) {
  if (field.name.empty()) return "empty field name";
  if (!is_token(field.name)) return "field name is not a token";
  const char* const end = field.value.data() + field.value.size();
  if (find_control(field.value.data(), end) != end) {
    return "control byte in a field value";
  }
  switch (classify(field.name)) {
    case Named::hop_by_hop:
      return "hop-by-hop field, which belongs to the server";
    case Named::connection:
      return connection(field.value);
    case Named::length:
      return content_length(field.value);
    case Named::server:
      server_ = true;
      break;
    case Named::date:
      date_ = true;
      break;
    case Named::other:
      break;
  }
  append_field(out_, field.name, field.value);
  return nullptr;
}

Reason HeadWriter::content_length(std::string_view value) {
  if (has_length_) return "more than one Content-Length";
  const auto length = parse_number(value, kLongestBody);
  if (!length) return "Content-Length is not a number";
  length_ = *length;
  has_length_ = true;
  return nullptr;
}

Reason HeadWriter::connection(std::string_view value) {
  const std::string_view option = trim(value);
  if (equals_lower(option, "close")) {
    close_ = true;
    return nullptr;
  }
  if (equals_lower(option, "keep-alive")) return nullptr;
  return "Connection with another option than \"close\"";
}

Reason HeadWriter::decide_framing(ResponsePlan& plan) {
  const bool bodiless = status_ == 204 || status_ == 205 || status_ == 304;
  plan.body_allowed = !head_ && !bodiless;
  const std::optional<std::uint64_t>& known = context_.known_length;
  if (plan.body_allowed) {
    if (has_length_ && known && length_ != *known) {
      return "Content-Length differs from the length of the body";
    }
    if (has_length_ || known) {
      plan.framing = Framing::length;
      plan.content_length = has_length_ ? length_ : *known;
      append_length(out_, plan.content_length);
    } else if (minor_) {
      plan.framing = Framing::chunked;
      out_ += "Transfer-Encoding: chunked\r\n";
    } else {
      plan.keep_alive = false;
    }
    return nullptr;
  }
  // RFC 9110 8.6: none with 204. With HEAD and 304 it would be that of a GET, which
  // only the application knows: an empty body of theirs does not say "0".
  if (status_ == 205) {
    append_length(out_, 0);
  } else if (status_ != 204) {
    if (has_length_) {
      append_length(out_, length_);
    } else if (head_ && status_ != 304 && known.value_or(0) > 0) {
      append_length(out_, *known);
    }
  }
  return nullptr;
}

Reason HeadWriter::finish(ResponsePlan& plan) {
  plan.status = status_;
  plan.keep_alive = context_.request != nullptr && context_.request->keep_alive &&
                    context_.may_keep_alive && !close_;
  if (const Reason refused = decide_framing(plan)) return refused;
  if (!server_ && !context_.server.empty()) {
    append_field(out_, "Server", context_.server);
  }
  if (!date_ && !context_.date.empty()) append_field(out_, "Date", context_.date);
  // What the version implies is not said (RFC 9112 9.3).
  if (minor_ && !plan.keep_alive) out_ += "Connection: close\r\n";
  if (!minor_ && plan.keep_alive) out_ += "Connection: keep-alive\r\n";
  out_ += "\r\n";
  return nullptr;
}

// The name is the application's and may be anything: the log escapes it.
std::string describe(Reason refused, std::string_view name) {
  std::string text{refused};
  text += ": ";
  text += name.substr(0, 64);
  return text;
}

}  // namespace

PlanOrError write_head(const ResponseHead& head, const ResponseContext& context,
                       std::string& out) {
  const std::size_t before = out.size();
  HeadWriter writer{context, out};
  PlanOrError result;
  Reason refused = writer.begin(head.status);
  for (std::size_t i = 0; i < head.fields.size() && refused == nullptr; ++i) {
    refused = writer.field(head.fields[i]);
    if (refused != nullptr) result.error = describe(refused, head.fields[i].name);
  }
  if (refused == nullptr) refused = writer.finish(result.plan);
  if (refused != nullptr) {
    out.resize(before);
    if (result.error.empty()) result.error = refused;
  }
  return result;
}

}  // namespace monodon::http
