// SPDX-License-Identifier: Apache-2.0
// A request without a client, through the application as any other.
#include "worker/process/local_request.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/clock.h"
#include "base/text/text.h"
#include "worker/http/parser.h"
#include "worker/http/path.h"
#include "worker/http/response_head.h"

namespace monodon::worker {
namespace {

class MemoryBody final : public Body {
 public:
  explicit MemoryBody(std::string_view bytes) : bytes_{bytes} {}
  [[nodiscard]] std::uint64_t size() const noexcept override { return bytes_.size(); }
  std::int64_t read(std::uint64_t offset, char* to, std::size_t size) override {
    if (offset >= bytes_.size()) return 0;
    const std::size_t count = std::min(size, bytes_.size() - offset);
    std::memcpy(to, bytes_.data() + offset, count);
    return static_cast<std::int64_t>(count);
  }

 private:
  std::string_view bytes_;
};

// Keeps everything; the head is judged by the same code as for a real client.
class MemoryResponse final : public Response {
 public:
  MemoryResponse(const http::RequestHead& request, const Settings& settings,
                 LocalAnswer& answer)
      : request_{request},
        server_{settings.server_header},
        hop_by_hop_{settings.hop_by_hop == "drop" ? http::HopByHop::drop
                                                  : http::HopByHop::refuse},
        answer_{answer} {}

  using Response::begin;
  std::string take_head(const http::ResponseHead& head) override {
    text_.clear();
    begun_ = false;
    return http::write_fields(head, hop_by_hop_, text_, fields_);
  }
  std::string begin(std::optional<std::uint64_t> known_length) override {
    http::ResponseContext context;
    context.request = &request_;
    context.server = server_;
    context.date = "Thu, 01 Jan 1970 00:00:00 GMT";
    context.known_length = known_length;
    http::PlanOrError checked = http::finish_head(fields_, context, text_);
    if (!checked.error.empty()) return checked.error;
    plan_ = checked.plan;
    answer_.head = text_;
    answer_.status = plan_.status;
    begun_ = true;
    return {};
  }
  [[nodiscard]] bool begun() const noexcept override { return begun_; }
  [[nodiscard]] bool sent() const noexcept override { return sent_; }

  Taken write(std::string_view data) override {
    sent_ = true;
    if (answer_.body.size() > kMostLocalBody) return Taken::gone;
    const bool counted = plan_.framing == http::Framing::length;
    const std::uint64_t room = !plan_.body_allowed ? 0
                               : counted ? plan_.content_length - answer_.body.size()
                                         : data.size();
    answer_.body += data.substr(0, std::min<std::uint64_t>(room, data.size()));
    return room == 0 && !data.empty() ? Taken::unwanted : Taken::sent;
  }

  bool send_file(int fd, std::uint64_t offset, std::uint64_t count) override {
    std::array<char, 64 * 1024> block;
    while (count > 0) {
      const std::size_t want = std::min<std::uint64_t>(count, block.size());
      const ssize_t got = ::pread(fd, block.data(), want, static_cast<off_t>(offset));
      if (got <= 0) return false;
      const auto bytes = static_cast<std::size_t>(got);
      if (write({block.data(), bytes}) == Taken::gone) return true;
      offset += bytes;
      count -= bytes;
    }
    return true;
  }

  void finish(std::string_view data) override {
    (void)write(data);
    answer_.finished = !plan_.body_allowed || plan_.framing != http::Framing::length ||
                       answer_.body.size() == plan_.content_length;
  }

  void early_hints(std::span<const http::Field> fields) override {
    for (const http::Field& f : fields)
      answer_.hints += fmt::format("{}: {}\r\n", f.name, f.value);
  }

  void fail(std::string_view why) override {
    answer_.failure = why;
    if (!sent_) answer_.status = 500;
  }

 private:
  const http::RequestHead& request_;
  std::string_view server_;
  http::HopByHop hop_by_hop_;
  LocalAnswer& answer_;
  std::string text_;
  http::WrittenFields fields_;
  http::ResponsePlan plan_;
  bool begun_ = false;
  bool sent_ = false;
};

}  // namespace

std::string reason_first_and_last(const LocalAnswer& answer) {
  std::string_view text = without_final_newlines(answer.failure);
  // What the gateway raises itself has no frames, and so no head of a traceback.
  constexpr std::string_view kRaised = "application raised\n";
  if (text.starts_with(kRaised)) text.remove_prefix(kRaised.size());
  const std::string_view reason = first_line(exception_of(text));
  if (reason == text) return std::string{reason};
  return fmt::format("{}\n{}{}{}", reason, text, last_line(text) == reason ? "" : "\n",
                     last_line(text) == reason ? "" : reason);
}

Result<LocalAnswer> serve_locally(Application& app, const Boot& boot,
                                  std::string_view head, std::string_view body,
                                  std::string_view scheme) {
  const Settings& settings = boot.settings;
  http::HeadLimits limits;
  limits.request_line = settings.limit_request_line;
  limits.fields = settings.limit_request_fields;
  limits.field_size = settings.limit_request_field_size;
  http::RequestHead parsed;
  std::size_t scanned = 0;
  const http::HeadResult result = http::parse_head(head, limits, scanned, parsed);
  if (result.state == http::Parse::failed)
    return Error{fmt::format("local request: {}", result.error.reason), 0};
  if (result.state == http::Parse::incomplete)
    return Error{"local request: the head has no end", 0};

  static const ListenerInfo nowhere{"local", "unix:local", true, "", 0};
  MemoryBody memory_body{body};
  Request request;
  request.head = &parsed;
  request.body = &memory_body;
  request.listener = boot.listeners.empty() ? &nowhere : &boot.listeners.front();
  const auto script_name = http::script_name_of_environment();
  if (!script_name) return script_name.error();
  request.script_name = script_name.value();
  const auto below = http::path_below(request.script_name, parsed.path);
  if (!below) {
    return Error{fmt::format("{} is not below SCRIPT_NAME, which is {}", parsed.path,
                             script_name.value()),
                 0};
  }
  request.path_info = *below;
  request.scheme = scheme;
  request.request_id = "local";
  request.received_ns = monotonic_ns();
  LocalAnswer answer;
  MemoryResponse response{parsed, settings, answer};
  app.serve(request, response);
  return answer;
}

Result<LocalAnswer> get_locally(Application& app, const Boot& boot,
                                const http::LocalTarget& target,
                                std::string_view user_agent) {
  // The scheme is for WSGI; Django looks at the field, where it is told to.
  const std::string head = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\n{}"
      "Connection: close\r\n\r\n",
      target.path, target.host, user_agent,
      target.secure ? "X-Forwarded-Proto: https\r\n" : "");
  return serve_locally(app, boot, head, {}, target.secure ? "https" : "http");
}

}  // namespace monodon::worker
