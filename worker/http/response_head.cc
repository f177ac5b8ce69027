// SPDX-License-Identifier: Apache-2.0
// The application's status and fields, checked and written.
#include "worker/http/response_head.h"

#include <algorithm>
#include <charconv>

#include "base/text/number.h"
#include "worker/http/chars.h"
#include "worker/http/content_length.h"

namespace monodon::http {

namespace {

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

// Status line and fields on their way to `to`, where there is room for them.
class FieldWriter {
 public:
  FieldWriter(HopByHop hop_by_hop, char* to, WrittenFields& written)
      : hop_by_hop_{hop_by_hop}, to_{to}, written_{written} {}

  Reason begin(std::string_view status);
  void begin_switch() { to_ = put(to_, "HTTP/1.1 101 Switching Protocols\r\n"); }
  Reason field(const Field& field);
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

  HopByHop hop_by_hop_;
  char* to_;
  WrittenFields& written_;
};

Reason FieldWriter::begin(std::string_view status) {
  written_.status = parse_status(status);
  if (written_.status < 200 || written_.status > 599) {
    return "status is not three digits from 200 to 599, a space and text";
  }
  // Always our own version, also to an HTTP/1.0 client (RFC 9110 6.2).
  to_ = put(put(put(to_, "HTTP/1.1 "), status), "\r\n");
  return nullptr;
}

FieldWriter::Named FieldWriter::classify(std::string_view name) noexcept {
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

Reason FieldWriter::field(const Field& field) {
  if (field.name.empty()) return "empty field name";
  if (!is_token(field.name)) return "field name is not a token";
  if (has_control(field.value)) return "control byte in a field value";
  switch (classify(field.name)) {
    case Named::hop_by_hop:
      if (hop_by_hop_ == HopByHop::drop) return nullptr;
      return "hop-by-hop field, which belongs to the server";
    case Named::connection:
      return connection(field.value);
    case Named::length:
      return content_length(field.value);
    case Named::server:
      written_.server = true;
      break;
    case Named::date:
      written_.date = true;
      break;
    case Named::other:
      break;
  }
  to_ = put_field(to_, field.name, field.value);
  return nullptr;
}

Reason FieldWriter::content_length(std::string_view value) {
  if (written_.has_length) return "more than one Content-Length";
  const auto length = parse_content_length(value);
  if (!length) return "Content-Length is not a number";
  written_.length = *length;
  written_.has_length = true;
  return nullptr;
}

Reason FieldWriter::connection(std::string_view value) {
  const std::string_view option = trim(value);
  if (equals_lower(option, "close")) {
    written_.close = true;
    return nullptr;
  }
  if (equals_lower(option, "keep-alive") || hop_by_hop_ == HopByHop::drop)
    return nullptr;
  return "Connection with another option than \"close\"";
}

// The rest of a head, on its way to `to`.
class HeadFinisher {
 public:
  HeadFinisher(const WrittenFields& written, const ResponseContext& context, char* to)
      : written_{written}, context_{context}, to_{to} {
    if (context.request == nullptr) return;
    head_ = context.request->method == "HEAD";
    minor_ = context.request->minor_version != 0;
  }

  Reason finish(ResponsePlan& plan);
  [[nodiscard]] const char* end() const noexcept { return to_; }

 private:
  Reason decide_framing(ResponsePlan& plan);

  const WrittenFields& written_;
  const ResponseContext& context_;
  char* to_;
  bool head_ = false;
  bool minor_ = true;  // HTTP/1.1
};

Reason HeadFinisher::decide_framing(ResponsePlan& plan) {
  const int status = written_.status;
  const bool bodiless = status == 204 || status == 205 || status == 304;
  plan.body_allowed = !head_ && !bodiless;
  const std::optional<std::uint64_t>& known = context_.known_length;
  if (plan.body_allowed) {
    if (written_.has_length && known && written_.length != *known) {
      return "Content-Length differs from the length of the body";
    }
    if (written_.has_length || known) {
      plan.framing = Framing::length;
      plan.content_length = written_.has_length ? written_.length : *known;
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
  if (status == 205) {
    to_ = put_length(to_, 0);
  } else if (status != 204) {
    if (written_.has_length) {
      to_ = put_length(to_, written_.length);
    } else if (head_ && status != 304 && known.value_or(0) > 0) {
      to_ = put_length(to_, *known);
    }
  }
  return nullptr;
}

Reason HeadFinisher::finish(ResponsePlan& plan) {
  plan.status = written_.status;
  plan.keep_alive = context_.request != nullptr && context_.request->keep_alive &&
                    context_.may_keep_alive && !written_.close;
  if (const Reason refused = decide_framing(plan)) return refused;
  if (!written_.server && !context_.server.empty()) {
    to_ = put_field(to_, "Server", context_.server);
  }
  if (!written_.date && !context_.date.empty()) {
    to_ = put_field(to_, "Date", context_.date);
  }
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

std::string write_fields(const ResponseHead& head, HopByHop hop_by_hop,
                         std::string& out, WrittenFields& written) {
  std::size_t room = 2 * kOwnFields + head.status.size();
  for (const Field& field : head.fields)
    room += field.name.size() + field.value.size() + 4;
  const std::size_t before = out.size();
  // With room for the rest, which so needs no second allocation.
  out.resize(before + room);
  written = {};
  FieldWriter writer{hop_by_hop, out.data() + before, written};
  if (const Reason refused = writer.begin(head.status)) {
    out.resize(before);
    return refused;
  }
  for (const Field& field : head.fields) {
    if (const Reason refused = writer.field(field)) {
      out.resize(before);
      return describe(refused, field.name);
    }
  }
  written.begin = before;
  written.end = static_cast<std::size_t>(writer.end() - out.data());
  return {};
}

std::string write_switch(std::span<const Field> fields, std::string_view own,
                         std::string_view server, std::string_view date,
                         std::string& out) {
  const std::size_t before = out.size();
  std::size_t room = kOwnFields + own.size() + server.size() + date.size();
  for (const Field& field : fields) room += field.name.size() + field.value.size() + 4;
  out.resize(before + room);
  WrittenFields written;
  FieldWriter writer{HopByHop::drop, out.data() + before, written};
  writer.begin_switch();
  for (const Field& field : fields) {
    if (const Reason refused = writer.field(field)) {
      out.resize(before);
      return describe(refused, field.name);
    }
  }
  out.resize(static_cast<std::size_t>(writer.end() - out.data()));
  out += own;
  const auto add = [&out](std::string_view name, std::string_view value) {
    if (!value.empty()) out.append(name).append(": ").append(value).append("\r\n");
  };
  if (!written.server) add("Server", server);
  if (!written.date) add("Date", date);
  out += "\r\n";
  return {};
}

PlanOrError finish_head(const WrittenFields& written, const ResponseContext& context,
                        std::string& out) {
  const std::size_t room =
      written.end + kOwnFields + context.server.size() + context.date.size();
  if (out.size() < room) out.resize(room);
  HeadFinisher finisher{written, context, out.data() + written.end};
  PlanOrError result;
  if (const Reason refused = finisher.finish(result.plan)) {
    result.error = refused;
    out.resize(written.begin);
    return result;
  }
  out.resize(static_cast<std::size_t>(finisher.end() - out.data()));
  return result;
}

PlanOrError write_head(const ResponseHead& head, const ResponseContext& context,
                       std::string& out) {
  WrittenFields written;
  std::string refused = write_fields(head, context.hop_by_hop, out, written);
  if (!refused.empty()) return {{}, std::move(refused)};
  return finish_head(written, context, out);
}

}  // namespace monodon::http
