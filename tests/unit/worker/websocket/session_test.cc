// SPDX-License-Identifier: Apache-2.0
#include "worker/websocket/session.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

using namespace monodon::websocket;
using namespace std::string_literals;
using SessionEvent = Session::Event;

namespace {

constexpr unsigned kFinal = 0x80;

// A frame as a client sends it. `first`: its first byte.
std::string frame(unsigned first, std::string_view payload) {
  std::string to;
  write_frame_head(Opcode::text, payload.size(), false, to);
  to[0] = static_cast<char>(first);
  to[1] = static_cast<char>(static_cast<unsigned char>(to[1]) | 0x80U);
  const Mask mask{'\x11', '\x92', '\x53', '\xe4'};
  to.append(mask.data(), mask.size());
  const std::size_t at = to.size();
  to += payload;
  unmask(to.data() + at, payload.size(), mask, 0);
  return to;
}
std::string text(std::string_view payload) {
  return frame(kFinal | 1U, payload);
}
std::string part(std::string_view payload) {
  return frame(1U, payload);
}
std::string more(std::string_view payload) {
  return frame(0U, payload);
}
std::string last(std::string_view payload) {
  return frame(kFinal, payload);
}
std::string ping(std::string_view payload) {
  return frame(kFinal | 9U, payload);
}
std::string close(std::string_view payload) {
  return frame(kFinal | 8U, payload);
}

// What came of the bytes, in pieces of `piece`.
std::string heard(Session& session, std::string bytes, std::size_t piece = 1U << 20U) {
  std::string told;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.size(), at + piece);
    while (at < end) {
      std::size_t used = 0;
      const SessionEvent event = session.take(bytes.data() + at, end - at, used);
      at += used;
      if (event == SessionEvent::text) told += "text(" + session.message() + ")";
      if (event == SessionEvent::binary) told += "binary(" + session.message() + ")";
      if (event == SessionEvent::pong) told += "pong()";
      if (event == SessionEvent::closed)
        told += "closed(" + std::to_string(session.code()) + session.reason() + ")";
    }
  }
  return told;
}

struct Talk {
  std::string heard;
  std::string answered;
};

Talk talk(const std::string& bytes, std::uint64_t most = 1000) {
  Session session{most};
  Talk talk{heard(session, bytes), session.output()};
  for (std::size_t piece = 1; piece < 20; ++piece) {
    Session again{most};
    if (heard(again, bytes, piece) != talk.heard)
      FAIL("other events in pieces of " << piece);
    CHECK(again.over() == session.over());
  }
  return talk;
}

std::string closing(unsigned code, std::string_view reason = {}) {
  std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code)};
  payload += reason;
  std::string to;
  write_frame_head(Opcode::close, payload.size(), false, to);
  return to + payload;
}

}  // namespace

TEST_CASE(
    "messages come whole, whatever their frames and the pieces that they come in") {
  CHECK(talk(text("Hello") + text("") + frame(kFinal | 2U, "\xff\x00"s)).heard ==
        "text(Hello)text()binary(\xff\x00)"s);
  CHECK(talk(part("He") + more("l") + more("") + last("lo") + text("x")).heard ==
        "text(Hello)text(x)");
  CHECK(talk(part("") + last("")).heard == "text()");
  const std::string large(70'000, 'x');
  CHECK(talk(text(large), 70'000).heard == "text(" + large + ")");
}

TEST_CASE("control frames may come between the frames of a message") {
  const Talk both =
      talk(part("He") + ping("1") + more("l") + frame(kFinal | 10U, "") + last("lo"));
  CHECK(both.heard == "pong()text(Hello)");
  CHECK(both.answered ==
        "\x8a\x01"
        "1");
}

TEST_CASE("of pings that wait to be answered the last one is") {
  Session session{1000};
  CHECK(heard(session, ping("a") + ping("b")).empty());
  CHECK(session.output() ==
        "\x8a\x01"
        "b");
  session.output().clear();
  CHECK(session.output().empty());
  CHECK(heard(session, ping(std::string(125, 'c'))).empty());
  CHECK(session.output() == "\x8a\x7d" + std::string(125, 'c'));
}

TEST_CASE("frames that make no messages fail the connection") {
  const auto fails = [](const std::string& bytes, unsigned code,
                        std::string_view reason) {
    const Talk all = talk(bytes + text("after"));
    CHECK(all.heard == "closed(" + std::to_string(code) + std::string{reason} + ")");
    CHECK(all.answered == closing(code, reason));
  };
  fails(more("x"), 1002, "continuation of no message");
  fails(last("x"), 1002, "continuation of no message");
  fails(part("x") + text("y"), 1002, "new message inside another");
  fails(part("x") + frame(2U, "y"), 1002, "new message inside another");
  fails("\x83", 1002, "reserved opcode");
  fails(frame(kFinal | 0x40U | 1U, "x"), 1002, "reserved bit is set");
  fails(text("\xff"), 1007, "text is not UTF-8");
  fails(text("ab\xc3"), 1007, "text is not UTF-8");
  fails(part("\xe2\x82") + last(""), 1007, "text is not UTF-8");
  CHECK(talk(part("\xe2") + more("\x82") + last("\xac")).heard == "text(\xe2\x82\xac)");
}

TEST_CASE("text that cannot be valid any more fails before its frame is whole") {
  Session session{1000};
  const std::string whole = text("\xed\xa0" + std::string(100, 'x'));
  CHECK(heard(session, whole.substr(0, 8)) == "closed(1007text is not UTF-8)");
}

TEST_CASE("the most of a message is that of all its frames, told by their heads") {
  CHECK(talk(text(std::string(1000, 'x'))).heard.size() == 1006);
  Session one{1000};
  CHECK(heard(one, text(std::string(1001, 'x')).substr(0, 8)) ==
        "closed(1009message is too big)");
  Session several{1000};
  CHECK(heard(several, part(std::string(999, 'x')) + more("y") + last("z")) ==
        "closed(1009message is too big)");
  CHECK(
      talk(text(std::string(1000, 'x')) + text(std::string(1000, 'y'))).heard.size() ==
      2012);
}

TEST_CASE("a close frame is answered with its code, and told with its reason") {
  const Talk plain = talk(close("\x03\xe8"
                                "bye") +
                          text("after"));
  CHECK(plain.heard == "closed(1000bye)");
  CHECK(plain.answered == closing(1000));
  CHECK(talk(close("")).heard == "closed(1005)");
  CHECK(talk(close("")).answered == "\x88\x00"s);
  CHECK(talk(close("\x03")).heard == "closed(1002close code of one byte)");
  CHECK(talk(close("\x03\xe8\xff")).heard == "closed(1007close reason is not UTF-8)");
  CHECK(talk(close("\x03\xe8\xc3")).heard == "closed(1007close reason is not UTF-8)");
}

TEST_CASE("every close code is one that may be sent or fails the connection") {
  std::string allowed;
  for (unsigned code = 0; code < 65536; ++code) {
    const std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code)};
    Session session{10};
    const std::string told = heard(session, close(payload));
    const bool taken = told == "closed(" + std::to_string(code) + ")";
    if (!taken) CHECK(told == "closed(1002close code that may not be sent)");
    if (taken && code < 3000) allowed += std::to_string(code) + " ";
    if (code >= 3000) CHECK(taken == (code < 5000));
  }
  CHECK(allowed == "1000 1001 1002 1003 1007 1008 1009 1010 1011 1012 1013 1014 ");
}

TEST_CASE(
    "after our close frame nothing of ours follows, and the client's is awaited") {
  Session session{1000};
  CHECK(session.send(Opcode::text, "one"));
  session.close(1001, "going");
  session.close(1000, "twice");
  CHECK_FALSE(session.send(Opcode::text, "two"));
  CHECK(heard(session, text("unseen") + part("\xff") + ping("p")).empty());
  CHECK_FALSE(session.over());
  CHECK(session.closing());
  CHECK(session.output() ==
        "\x81\x03"
        "one" +
            closing(1001, "going"));
  CHECK(heard(session, close("\x03\xe9")) == "closed(1001)");
  CHECK(session.over());
  CHECK(session.output() ==
        "\x81\x03"
        "one" +
            closing(1001, "going"));
}

TEST_CASE("a reason that does not fit ends between two characters") {
  Session session{1000};
  session.close(3000, std::string(122, 'x') + "\xe2\x82\xac");
  CHECK(session.output() == closing(3000, std::string(122, 'x')));
  Session empty{1000};
  empty.close(0, {});
  CHECK(empty.output() == "\x88\x00"s);
}

TEST_CASE("a connection that ends without a close frame is told as 1006") {
  Session session{1000};
  CHECK(heard(session, part("half")).empty());
  session.lose();
  CHECK(session.over());
  CHECK(session.code() == 1006);
  Session closed{1000};
  (void)heard(closed, close("\x03\xe8"));
  closed.lose();
  CHECK(closed.code() == 1000);
}
