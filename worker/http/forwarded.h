// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/http/address.h"
#include "worker/http/parser.h"
#include "worker/http/proxy_protocol.h"
#include "worker/wire/settings.h"

namespace monodon::http {

// Who is at the other end of a connection. Made once, when it is accepted or handed
// over.
struct Peer {
  std::string address;     // "" for a Unix socket
  std::uint16_t port = 0;  // 0 for a Unix socket
  bool trusted = false;    // may speak for others: a Unix peer, or forwarded_allow_ips
};

// What a request says about itself and its proxy vouches for. Views into the head, the
// Peer, or constants.
struct Origin {
  std::string_view scheme = "http";  // or "https"
  std::string_view remote_addr;      // "" for a Unix peer that names nobody
  std::uint16_t remote_port = 0;     // 0: not known
  std::string_view script_name;      // SCRIPT_NAME; usually empty
  std::string_view path_info;        // the path below it, not percent-decoded
  std::uint64_t start_us = 0;        // the proxy got it, since 1970; 0: it does not say
  // Empty: none, or none that is fit for a log. The trace id where there is no other.
  std::string_view request_id;
  std::string_view trace_id;  // of traceparent, 32 hexadecimal digits; empty: none
};

// The rules about proxies, compiled from the settings. Const after that, so one serves
// all threads; safe after fork.
//
// Trusted peers:
//  * the scheme is https if any of secure_scheme_headers has its value; headers that
//    contradict each other are a 400;
//  * the client is the right-most entry of X-Forwarded-For (all its lines as one list)
//    that is not itself in forwarded_allow_ips; if all are, the left-most. An entry
//    that is no address ends the walk: what is left of it, nobody vouches for. With
//    "*" any peer may be the proxy but no hop can be told from a client, so it is the
//    right-most entry: what the proxy itself saw;
//  * of RequestHead::forwarder_fields, SCRIPT_NAME goes to the Origin (a second one,
//  one
//    that does not begin with "/", or that the path is not below, is a 400), others to
//    the fields. PATH_INFO is one of these: it is made of the path of the request line,
//    which is what the proxy has judged, and of nothing else;
//  * X-Request-Start says when the request came to the proxy;
//  * the request id is taken if it is 1 to 128 visible ASCII characters without quotes
//    and backslashes; without one it is the trace id of traceparent, if that is valid
//    (W3C Trace Context, version 00; of later ones what version 00 has).
// Other peers:
//  * none of this is believed, and with strip_untrusted_forwarded the fields are taken
//    out of the head (Forwarded, X-Forwarded-*, X-Real-IP, X-Client-IP, all of
//    secure_scheme_headers), so that the application does not believe them either
//    (mod_wsgi, CVE-2022-2255);
//  * forwarder_fields are what header_map says of any name with an underscore.
// Without the field, SCRIPT_NAME is that of the environment; a path that is not below
// it is a 404.
class Forwarding {
 public:
  // `script_name`: of the environment (worker/http/path.h), "" for none. An Error names
  // the setting and the entry that is not understood.
  static Result<Forwarding> compile(const worker::Settings& settings,
                                    std::string script_name = {});

  [[nodiscard]] Peer identify(const sockaddr_storage& peer) const;

  // Which PROXY headers are looked for, and whether this peer may send one
  // (proxy_allow_ips, or a Unix socket).
  [[nodiscard]] ProxyVersions proxy_versions() const noexcept {
    return proxy_versions_;
  }
  [[nodiscard]] bool may_proxy(const Peer& peer) const noexcept;
  // The client that such a header names is the peer from then on: a proxy that passes
  // bytes on knows nothing of the fields among them, so the client is believed or not.
  [[nodiscard]] Peer identify(std::string client, std::uint16_t port) const;
  [[nodiscard]] bool trusts(const Address& address) const noexcept;

  // For HeadLimits. Good as long as this object.
  [[nodiscard]] std::span<const std::string> forwarder_names() const noexcept {
    return forwarder_names_;
  }
  [[nodiscard]] HeadLimits::Underscores underscores() const noexcept {
    return underscores_;
  }

  // Once for each complete head. Null when fine; `head`, `peer` and this must outlive
  // `origin`. Moves and removes fields of `head` as described above.
  const ParseError* resolve(const Peer& peer, RequestHead& head, Origin& origin) const;

 private:
  struct Peers {
    bool everybody = false;
    std::vector<Network> networks;
    [[nodiscard]] bool contain(const Address& address) const noexcept;
    // An Error names the entry.
    Outcome add(std::string_view setting, const std::vector<std::string>& entries);
  };
  struct SchemeHeader {
    std::string name;   // lower case
    std::string value;  // lower case
  };
  const ParseError* believe(RequestHead& head, Origin& origin) const;
  static const ParseError* take_forwarder_fields(RequestHead& head, Origin& origin);
  const ParseError* disbelieve(RequestHead& head) const;
  // `first`: the field of the head at which to end.
  void find_client(const RequestHead& head, const Field& first,
                   Origin& origin) const noexcept;
  static constexpr std::uint64_t length_bit(std::string_view name) noexcept {
    return 1ULL << std::min<std::size_t>(name.size(), 63);
  }
  [[nodiscard]] bool is_forwarding(std::string_view name) const noexcept;

  Peers trusted_;
  Peers proxies_;
  std::vector<SchemeHeader> scheme_headers_;
  std::vector<std::string> forwarder_names_;
  std::string request_id_header_;  // lower case
  std::string script_name_;
  // Bit n: a name of n bytes may be one that believe() looks for (63: or longer). So
  // most fields cost it one test.
  std::uint64_t lengths_ = 0;
  HeadLimits::Underscores underscores_ = HeadLimits::Underscores::drop;
  ProxyVersions proxy_versions_ = ProxyVersions::none;
  bool client_from_field_ = true;
  bool strip_ = true;
};

}  // namespace monodon::http
