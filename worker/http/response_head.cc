// SPDX-License-Identifier: Apache-2.0
#include "worker/http/response_head.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/number.h"
#include "worker/http/chars.h"

namespace monodon::http {

namespace {

// As large as a file offset can be.
constexpr std::uint64_t kLongestBody = std::numeric_limits<std::int64_t>::max();

using Reason = const char*;  // to refuse; null: fine

// More than all names, numbers and line ends that this file adds by itself.
constexpr std::size_t kOwnFields = 256;

char* put(char* to, std::string_view text) noexcept {
  return std::copy(text.begin(), text.end(), to);
}

char* put_field(char* to, std::string_view name, std::string_view value) noexcept {
  return put(put(put(put(to, name), ": "), value), "\r\n");
}

char* put_length(char* to, std::uint64_t length) noexcept {
  to = std::to_chars(put(to, "Content-Length: "), to + 64, length).ptr;
  return put(to, "\r\n");
}

// 0 if it is not 3 digits, SP, text without control bytes.
int parse_status(std::string_view status) {
  int number = 0;
  if (status.size() < 4 || status[3] != ' ') return 0;
  const auto [stop, error] = std::from_chars(status.data(), status.data() + 3, number);
  if (error != std::errc{} || stop != status.data() + 3) return 0;
  return has_control(status) ? 0 : number;
}

// One response head on its way to `to`, where there is room for it.
class HeadWriter {
 public:
  HeadWriter(const ResponseContext& context, char* to) : context_{context}, to_{to} {}

  Reason begin(std::string_view status);
  Reason field(const Field& field);
  Reason finish(ResponsePlan& plan);
  [[nodiscard]] const char* end() const noexcept { return to_; }

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
  char* to_;
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
  to_ = put(put(put(to_, "HTTP/1.1 "), status), "\r\n");
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
  if (has_control(field.value)) return "control byte in a field value";
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
  to_ = put_field(to_, field.name, field.value);
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
      to_ = put_length(to_, plan.content_length);
    } else if (minor_) {
      plan.framing = Framing::chunked;
      to_ = put(to_, "Transfer-Encoding: chunked\r\n");
    } else {
      plan.keep_alive = false;
    }
    return nullptr;
  }
  // RFC 9110 8.6: none with 204. With HEAD and 304 it would be that of a GET, which
  // only the application knows: an empty body of theirs does not say "0".
  if (status_ == 205) {
    to_ = put_length(to_, 0);
  } else if (status_ != 204) {
    if (has_length_) {
      to_ = put_length(to_, length_);
    } else if (head_ && status_ != 304 && known.value_or(0) > 0) {
      to_ = put_length(to_, *known);
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
    to_ = put_field(to_, "Server", context_.server);
  }
  if (!date_ && !context_.date.empty()) to_ = put_field(to_, "Date", context_.date);
  // What the version implies is not said (RFC 9112 9.3).
  if (minor_ && !plan.keep_alive) to_ = put(to_, "Connection: close\r\n");
  if (!minor_ && plan.keep_alive) to_ = put(to_, "Connection: keep-alive\r\n");
  to_ = put(to_, "\r\n");
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
  std::size_t room =
      kOwnFields + head.status.size() + context.server.size() + context.date.size();
  for (const Field& field : head.fields)
    room += field.name.size() + field.value.size() + 4;
  const std::size_t before = out.size();
  out.resize(before + room);
  HeadWriter writer{context, out.data() + before};
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
    return result;
  }
  out.resize(static_cast<std::size_t>(writer.end() - out.data()));
  return result;
}

}  // namespace monodon::http
