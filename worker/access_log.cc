// SPDX-License-Identifier: Apache-2.0
#include "worker/access_log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/escape.h"
#include "worker/access_values.h"

namespace monodon::worker {
namespace {

constexpr std::string_view kDefault =
    R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")";

enum class Atom : std::uint8_t {
  literal,
  remote_addr,
  nothing,  // %(l)s: identd, which nobody asks
  user,
  time,
  request_line,
  method,
  path,
  query,
  protocol,
  status,
  bytes,
  referer,
  user_agent,
  seconds,
  milliseconds,
  microseconds,
  decimal_seconds,
  pid,
  request_field,
  response_field,
  variable,
};

struct Op {
  Atom atom = Atom::literal;
  bool quoted = false;  // stands between quotes of the format
  std::string text;     // the literal, or the name in braces
};

struct Letter {
  char letter;
  Atom atom;
};
constexpr std::array<Letter, 19> kLetters{{{'h', Atom::remote_addr},
                                           {'l', Atom::nothing},
                                           {'u', Atom::user},
                                           {'t', Atom::time},
                                           {'r', Atom::request_line},
                                           {'m', Atom::method},
                                           {'U', Atom::path},
                                           {'q', Atom::query},
                                           {'H', Atom::protocol},
                                           {'s', Atom::status},
                                           {'B', Atom::bytes},
                                           {'b', Atom::bytes},
                                           {'f', Atom::referer},
                                           {'a', Atom::user_agent},
                                           {'T', Atom::seconds},
                                           {'M', Atom::milliseconds},
                                           {'D', Atom::microseconds},
                                           {'L', Atom::decimal_seconds},
                                           {'p', Atom::pid}}};

// What stands between the parentheses: "h", or "{name}i".
std::optional<Op> atom_of(std::string_view name) {
  if (name.size() == 1) {
    for (const Letter& known : kLetters)
      if (known.letter == name[0]) return Op{known.atom, false, {}};
    return std::nullopt;
  }
  const std::size_t close = name.rfind('}');
  if (!name.starts_with('{') || close == std::string_view::npos || close < 2 ||
      close + 2 != name.size())
    return std::nullopt;
  Op op{Atom::literal, false, std::string{name.substr(1, close - 1)}};
  switch (name.back()) {
    case 'i':
      op.atom = Atom::request_field;
      return op;
    case 'o':
      op.atom = Atom::response_field;
      return op;
    case 'e':
      op.atom = Atom::variable;
      for (char& c : op.text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      return op;
    default:
      return std::nullopt;
  }
}

// "%(D)d" is good Python too.
bool may_convert(const Op& op, char conversion) {
  const bool number = op.atom == Atom::bytes || op.atom == Atom::seconds ||
                      op.atom == Atom::milliseconds || op.atom == Atom::microseconds;
  return conversion == 's' || (conversion == 'd' && number);
}

Error not_understood(std::string_view format, std::size_t at) {
  const std::string_view rest = format.substr(at);
  const std::size_t end = rest.find(')');
  return Error{
      "position " + std::to_string(at + 1) + ": '" +
      std::string{rest.substr(0, end == std::string_view::npos ? end : end + 2)} +
      "' is no atom of the access log"};
}

void add_literal(std::vector<Op>& ops, std::string_view text, bool& quoted) {
  for (const char c : text)
    if (c == '"') quoted = !quoted;
  if (ops.empty() || ops.back().atom != Atom::literal) ops.emplace_back();
  ops.back().text += text;
}

void append_number(std::string& to, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  to.append(digits.data(), end);
}

void append_decimal_seconds(std::string& to, std::uint64_t us) {
  append_number(to, us / 1'000'000);
  to += '.';
  const std::string fraction = std::to_string(1'000'000 + us % 1'000'000);
  to.append(fraction, 1);
}

void append_value(std::string& to, const Op& op, std::string_view value) {
  if (value.empty()) {
    to += '-';
  } else if (op.quoted) {
    append_escaped(to, value);
  } else {
    append_word(to, value);
  }
}

void append_protocol(std::string& to, const http::RequestHead& head) {
  to += "HTTP/1.";
  append_number(to, head.minor_version);
}

// Atoms that come from the request; without one they are all missing.
void append_request_atom(std::string& to, const Op& op, const AccessRecord& record) {
  if (record.head == nullptr) {
    to += '-';
    return;
  }
  const http::RequestHead& head = *record.head;
  switch (op.atom) {
    case Atom::user:
      append_value(to, op, access::basic_user(head.find("Authorization")));
      return;
    // The parser lets exactly two spaces pass, so that it needs no quotes.
    case Atom::request_line:
      append_escaped(to, head.request_line);
      return;
    case Atom::method:
      append_value(to, op, head.method);
      return;
    case Atom::path:
      append_value(to, op, access::percent_decoded(head.path));
      return;
    case Atom::query:
      if (!head.query.empty()) append_value(to, op, head.query);
      return;
    case Atom::protocol:
      append_protocol(to, head);
      return;
    case Atom::referer:
      append_value(to, op, head.find("Referer"));
      return;
    case Atom::user_agent:
      append_value(to, op, head.find("User-Agent"));
      return;
    case Atom::request_field:
      append_value(to, op, head.find(op.text));
      return;
    case Atom::literal:
    case Atom::remote_addr:
    case Atom::nothing:
    case Atom::time:
    case Atom::status:
    case Atom::bytes:
    case Atom::seconds:
    case Atom::milliseconds:
    case Atom::microseconds:
    case Atom::decimal_seconds:
    case Atom::pid:
    case Atom::response_field:
    case Atom::variable:
      return;
  }
}

void append_atom(std::string& to, const Op& op, const AccessRecord& record) {
  switch (op.atom) {
    case Atom::literal:
      to += op.text;
      return;
    case Atom::remote_addr:
      append_value(to, op, record.remote_addr);
      return;
    case Atom::nothing:
      to += '-';
      return;
    case Atom::time:
      to += '[';
      to += access::common_time(record.wall_seconds);
      to += ']';
      return;
    case Atom::status:
      if (record.status == 0) {
        to += '-';
      } else {
        append_number(to, static_cast<std::uint64_t>(record.status));
      }
      return;
    case Atom::bytes:
      append_number(to, record.body_bytes);
      return;
    case Atom::seconds:
      append_number(to, record.duration_us / 1'000'000);
      return;
    case Atom::milliseconds:
      append_number(to, record.duration_us / 1000);
      return;
    case Atom::microseconds:
      append_number(to, record.duration_us);
      return;
    case Atom::decimal_seconds:
      append_decimal_seconds(to, record.duration_us);
      return;
    case Atom::pid:
      to += '<';
      append_number(to, static_cast<std::uint64_t>(::getpid()));
      to += '>';
      return;
    case Atom::response_field:
      append_value(to, op, access::response_field(record.response_head, op.text));
      return;
    case Atom::variable:
      append_value(to, op, access::variable(record, op.text));
      return;
    case Atom::user:
    case Atom::request_line:
    case Atom::method:
    case Atom::path:
    case Atom::query:
    case Atom::protocol:
    case Atom::referer:
    case Atom::user_agent:
    case Atom::request_field:
      append_request_atom(to, op, record);
      return;
  }
}

}  // namespace

struct AccessFormat::Program {
  bool json = false;
  std::vector<Op> ops;
};

AccessFormat::AccessFormat(std::unique_ptr<Program> program)
    : program_{std::move(program)} {}
AccessFormat::AccessFormat(AccessFormat&&) noexcept = default;
AccessFormat& AccessFormat::operator=(AccessFormat&&) noexcept = default;
AccessFormat::~AccessFormat() = default;

Result<AccessFormat> AccessFormat::compile(std::string_view format) {
  auto program = std::make_unique<Program>();
  program->json = format == "json";
  if (program->json) return AccessFormat{std::move(program)};
  if (format.empty()) format = kDefault;
  bool quoted = false;
  std::size_t at = 0;
  while (at < format.size()) {
    const std::size_t percent = std::min(format.find('%', at), format.size());
    add_literal(program->ops, format.substr(at, percent - at), quoted);
    at = percent;
    if (at == format.size()) break;
    if (format.substr(at, 2) == "%%") {
      add_literal(program->ops, "%", quoted);
      at += 2;
      continue;
    }
    const std::size_t close = format.find(')', at);
    if (format.substr(at, 2) != "%(" || close >= format.size() - 1)
      return not_understood(format, at);
    auto op = atom_of(format.substr(at + 2, close - at - 2));
    if (!op || !may_convert(*op, format[close + 1])) return not_understood(format, at);
    op->quoted = quoted;
    program->ops.push_back(std::move(*op));
    at = close + 2;
  }
  return AccessFormat{std::move(program)};
}

void AccessFormat::append(const AccessRecord& record, std::string& to) const {
  if (program_->json) {
    access::append_json_line(to, record);
    return;
  }
  for (const Op& op : program_->ops) append_atom(to, op, record);
  to += '\n';
}

}  // namespace monodon::worker
