// SPDX-License-Identifier: Apache-2.0
// Gunicorn's access_log_format, compiled once and written for each request.
#include "worker/access/access_log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/text/escape.h"
#include "worker/access/access_json.h"
#include "worker/access/access_terminal.h"
#include "worker/access/access_values.h"

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

// Where one line goes. Each piece first asks for the room that it may need.
class Line {
 public:
  explicit Line(ByteBuffer& to) : to_{to} {}

  void text(std::string_view text) {
    char* const at = to_.reserve(text.size());
    end(at, std::copy(text.begin(), text.end(), at));
  }
  void number(std::uint64_t number) {
    char* const at = to_.reserve(kDigits);
    end(at, std::to_chars(at, at + kDigits, number).ptr);
  }
  // A value of the client's, or "-".
  void value(const Op& op, std::string_view value) {
    if (value.empty()) {
      text("-");
    } else {
      op.quoted ? quoted(value) : word(value);
    }
  }
  void quoted(std::string_view value) {
    char* const at = to_.reserve(escaped_room(value.size()));
    end(at, put_escaped(at, value));
  }
  void word(std::string_view value) {
    char* const at = to_.reserve(escaped_room(value.size()));
    end(at, put_word(at, value));
  }

 private:
  static constexpr std::size_t kDigits = 20;
  void end(const char* begin, const char* end) {
    to_.commit(static_cast<std::size_t>(end - begin));
  }
  ByteBuffer& to_;
};

void add_decimal_seconds(Line& line, std::uint64_t us) {
  line.number(us / 1'000'000);
  line.text(".");
  line.text(std::string_view{std::to_string(1'000'000 + us % 1'000'000)}.substr(1));
}

// Atoms that come from the request; without one they are all missing.
void add_request_atom(Line& line, const Op& op, const AccessRecord& record) {
  if (record.head == nullptr) return line.text("-");
  const http::RequestHead& head = *record.head;
  switch (op.atom) {
    case Atom::user: {
      const std::string_view credentials = head.find("Authorization");
      return line.value(op, credentials.empty() ? "" : access::basic_user(credentials));
    }
    // The parser lets exactly two spaces pass, so that it needs no quotes.
    case Atom::request_line:
      return line.quoted(head.request_line);
    case Atom::method:
      return line.value(op, head.method);
    case Atom::path:
      return line.value(op, access::percent_decoded(head.path));
    case Atom::query:
      return head.query.empty() ? void() : line.value(op, head.query);
    case Atom::protocol:
      return line.text(head.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
    case Atom::referer:
      return line.value(op, head.find("Referer"));
    case Atom::user_agent:
      return line.value(op, head.find("User-Agent"));
    case Atom::request_field:
      return line.value(op, head.find(op.text));
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

void add_atom(Line& line, const Op& op, const AccessRecord& record) {
  switch (op.atom) {
    case Atom::literal:
      return line.text(op.text);
    case Atom::remote_addr:
      return line.value(op, record.remote_addr);
    case Atom::nothing:
      return line.text("-");
    case Atom::time:
      line.text("[");
      line.text(access::common_time(record.wall_seconds));
      return line.text("]");
    case Atom::status:
      return record.status == 0
                 ? line.text("-")
                 : line.number(static_cast<std::uint64_t>(record.status));
    case Atom::bytes:
      return line.number(record.body_bytes);
    case Atom::seconds:
      return line.number(record.duration_us / 1'000'000);
    case Atom::milliseconds:
      return line.number(record.duration_us / 1000);
    case Atom::microseconds:
      return line.number(record.duration_us);
    case Atom::decimal_seconds:
      return add_decimal_seconds(line, record.duration_us);
    case Atom::pid:
      line.text("<");
      line.number(static_cast<std::uint64_t>(::getpid()));
      return line.text(">");
    case Atom::response_field:
      return line.value(op, access::response_field(record.response_head, op.text));
    case Atom::variable:
      return line.value(op, access::variable(record, op.text));
    case Atom::user:
    case Atom::request_line:
    case Atom::method:
    case Atom::path:
    case Atom::query:
    case Atom::protocol:
    case Atom::referer:
    case Atom::user_agent:
    case Atom::request_field:
      return add_request_atom(line, op, record);
  }
}

}  // namespace

struct AccessFormat::Program {
  bool json = false;
  bool terminal = false;
  bool coloured = false;
  std::vector<Op> ops;
};

AccessFormat::AccessFormat(std::unique_ptr<Program> program)
    : program_{std::move(program)} {}
AccessFormat::AccessFormat(AccessFormat&&) noexcept = default;
AccessFormat& AccessFormat::operator=(AccessFormat&&) noexcept = default;
AccessFormat::~AccessFormat() = default;

Result<AccessFormat> AccessFormat::compile(std::string_view format, bool coloured) {
  auto program = std::make_unique<Program>();
  program->json = format == "json";
  program->terminal = format == "terminal";
  program->coloured = coloured;
  if (program->json || program->terminal) return AccessFormat{std::move(program)};
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

void AccessFormat::append(const AccessRecord& record, ByteBuffer& to) const {
  if (program_->json) {
    std::string json;
    access::append_json_line(json, record);
    to.append(json);
    return;
  }
  if (program_->terminal) {
    std::string text;
    access::append_terminal_line(text, record, program_->coloured);
    to.append(text);
    return;
  }
  Line line{to};
  for (const Op& op : program_->ops) add_atom(line, op, record);
  line.text("\n");
}

}  // namespace monodon::worker
