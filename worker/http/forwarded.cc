// SPDX-License-Identifier: Apache-2.0
// Who a request is from, as far as a trusted proxy says so.
#include "worker/http/forwarded.h"

#include <algorithm>
#include <array>

#include "base/text/lower.h"
#include "worker/http/chars.h"
#include "worker/http/path.h"
#include "worker/http/request_start.h"

namespace monodon::http {

namespace {

constexpr ParseError kSchemes{400, "fields contradict each other about the scheme"};
constexpr ParseError kScriptTwice{400, "more than one SCRIPT_NAME field"};
constexpr ParseError kScriptPath{400, "the SCRIPT_NAME field is not a path"};
constexpr ParseError kNotBelowField{400, "the path is not below the SCRIPT_NAME field"};
constexpr ParseError kNotBelow{404, "the path is not below SCRIPT_NAME"};
constexpr std::size_t kLongestId = 128;

constexpr auto kFitForLog = [] {
  std::array<bool, 256> fit{};
  for (unsigned c = '!'; c < 0x7f; ++c) fit[c] = c != '"' && c != '\'' && c != '\\';
  return fit;
}();

bool fit_for_log(std::string_view id) noexcept {
  if (id.empty() || id.size() > kLongestId) return false;
  bool fit = true;
  for (const char c : id) fit = fit & kFitForLog[static_cast<unsigned char>(c)];
  return fit;
}

// CGI shows "X_Forwarded_For" as it shows "X-Forwarded-For".
bool same_in_cgi(std::string_view name, std::string_view lower_name) noexcept {
  if (name.size() != lower_name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] == '_' ? '-' : name[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower_name[i]) {
      return false;
    }
  }
  return true;
}

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": version, trace, parent,
// flags, in lower case. One that is all zeros is none.
std::string_view trace_id_in(std::string_view value) noexcept {
  constexpr std::size_t kSize = 55;
  constexpr std::string_view kHex = "0123456789abcdef";
  if (value.size() < kSize || (value.size() > kSize && value[kSize] != '-')) return {};
  for (std::size_t i = 0; i < kSize; ++i) {
    const bool dash = i == 2 || i == 35 || i == 52;
    if (dash ? value[i] != '-' : kHex.find(value[i]) == kHex.npos) return {};
  }
  if (value.starts_with("ff") || (value.size() > kSize && value.starts_with("00")))
    return {};
  const std::string_view id = value.substr(3, 32);
  return id.find_first_not_of('0') == id.npos ? std::string_view{} : id;
}

}  // namespace

Result<Forwarding> Forwarding::compile(const worker::Settings& settings,
                                       std::string script_name) {
  Forwarding rules;
  rules.script_name_ = std::move(script_name);
  if (auto wrong =
          rules.trusted_.add("forwarded_allow_ips", settings.forwarded_allow_ips);
      !wrong)
    return wrong.error();
  if (auto wrong = rules.proxies_.add("proxy_allow_ips", settings.proxy_allow_ips);
      !wrong)
    return wrong.error();
  rules.proxy_versions_ = settings.proxy_protocol == "v1"     ? ProxyVersions::one
                          : settings.proxy_protocol == "v2"   ? ProxyVersions::two
                          : settings.proxy_protocol == "auto" ? ProxyVersions::both
                                                              : ProxyVersions::none;
  for (const std::string& entry : settings.secure_scheme_headers) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error{"secure_scheme_headers: \"" + entry + "\" is not NAME=value"};
    }
    rules.scheme_headers_.push_back(
        {lower(entry.substr(0, equals)), lower(entry.substr(equals + 1))});
  }
  if (settings.header_map == "refuse") {
    rules.underscores_ = HeadLimits::Underscores::refuse;
  } else if (settings.header_map == "dangerous") {
    rules.underscores_ = HeadLimits::Underscores::keep;
  } else if (settings.header_map != "drop") {
    return Error{"header_map: \"" + settings.header_map +
                 "\" is not drop, refuse or dangerous"};
  }
  rules.forwarder_names_ = settings.forwarder_headers;
  rules.request_id_header_ = lower(settings.request_id_header);
  rules.lengths_ = length_bit(rules.request_id_header_) |
                   length_bit("x-forwarded-for") | length_bit("x-request-start") |
                   length_bit("traceparent");
  for (const SchemeHeader& header : rules.scheme_headers_)
    rules.lengths_ |= length_bit(header.name);
  rules.client_from_field_ = settings.remote_addr_from_forwarded;
  rules.strip_ = settings.strip_untrusted_forwarded;
  return rules;
}

bool Forwarding::Peers::contain(const Address& address) const noexcept {
  return everybody || std::ranges::any_of(networks, [&](const Network& network) {
           return network.contains(address);
         });
}

Outcome Forwarding::Peers::add(std::string_view setting,
                               const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    if (entry == "*") {
      everybody = true;
    } else if (const auto network = Network::parse(entry)) {
      networks.push_back(*network);
    } else {
      return Error{std::string{setting} + ": \"" + entry +
                   "\" is neither an address, a network (10.0.0.0/8) nor \"*\""};
    }
  }
  return ok();
}

bool Forwarding::trusts(const Address& address) const noexcept {
  return trusted_.contain(address);
}

bool Forwarding::may_proxy(const Peer& peer) const noexcept {
  const auto address = parse_address(peer.address);
  return !address || proxies_.contain(*address);
}

Peer Forwarding::identify(std::string client, std::uint16_t port) const {
  const auto address = parse_address(client);
  return {std::move(client), port, address && trusts(*address)};
}

Peer Forwarding::identify(const sockaddr_storage& peer) const {
  SocketPeer socket = describe_peer(peer);
  // Who can open a Unix socket was let in by its mode: that is the proxy.
  const bool trusted =
      socket.unix_socket || (!socket.text.empty() && trusts(socket.address));
  return {std::move(socket.text), socket.port, trusted};
}

const ParseError* Forwarding::resolve(const Peer& peer, RequestHead& head,
                                      Origin& origin) const {
  origin = Origin{};
  origin.remote_addr = peer.address;
  origin.remote_port = peer.port;
  const ParseError* const problem =
      peer.trusted ? believe(head, origin) : disbelieve(head);
  if (problem != nullptr) return problem;
  origin.path_info = head.path;
  const bool from_field = !origin.script_name.empty();
  if (!from_field) origin.script_name = script_name_;
  if (origin.script_name.empty()) return nullptr;
  const auto rest = path_below(origin.script_name, head.path);
  if (!rest) return from_field ? &kNotBelowField : &kNotBelow;
  origin.path_info = *rest;
  return nullptr;
}

const ParseError* Forwarding::believe(RequestHead& head, Origin& origin) const {
  bool scheme_told = false;
  const Field* client = nullptr;  // the first X-Forwarded-For
  for (const Field& field : head.fields) {
    if ((lengths_ & length_bit(field.name)) == 0) continue;
    for (const SchemeHeader& header : scheme_headers_) {
      if (!equals_lower(field.name, header.name)) continue;
      const std::string_view scheme =
          equals_lower(field.value, header.value) ? "https" : "http";
      if (scheme_told && scheme != origin.scheme) return &kSchemes;
      origin.scheme = scheme;
      scheme_told = true;
    }
    if (equals_lower(field.name, request_id_header_)) {
      if (fit_for_log(field.value)) origin.request_id = field.value;
    } else if (equals_lower(field.name, "x-request-start")) {
      origin.start_us = parse_request_start(field.value);
    } else if (equals_lower(field.name, "traceparent")) {
      origin.trace_id = trace_id_in(field.value);
    } else {
      if (client == nullptr && equals_lower(field.name, "x-forwarded-for"))
        client = &field;
    }
  }
  if (origin.request_id.empty() && !request_id_header_.empty())
    origin.request_id = origin.trace_id;
  if (client != nullptr && client_from_field_) find_client(head, *client, origin);
  return head.forwarder_fields.empty() ? nullptr : take_forwarder_fields(head, origin);
}

void Forwarding::find_client(const RequestHead& head, const Field& first,
                             Origin& origin) const noexcept {
  for (const Field* field = &head.fields.back(); field >= &first; --field) {
    if (field->name.size() != first.name.size() ||
        !equals_lower(field->name, "x-forwarded-for"))
      continue;
    std::string_view rest = field->value;
    for (bool more = true; more;) {
      const std::size_t comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      const auto entry = parse_endpoint(trim(more ? rest.substr(comma + 1) : rest));
      if (!entry) return;
      origin.remote_addr = entry->text;
      origin.remote_port = entry->port;
      if (trusted_.everybody || !trusts(entry->address)) return;
      if (more) rest = rest.substr(0, comma);
    }
  }
}

const ParseError* Forwarding::take_forwarder_fields(RequestHead& head, Origin& origin) {
  bool told = false;
  for (const Field& field : head.forwarder_fields) {
    if (!equals_ignoring_case(field.name, "SCRIPT_NAME")) {
      head.fields.push_back(field);
      continue;
    }
    if (told) return &kScriptTwice;
    told = true;
    if (!field.value.empty() && field.value.front() != '/') return &kScriptPath;
    origin.script_name = script_name_of(field.value);
  }
  head.forwarder_fields.clear();
  return nullptr;
}

const ParseError* Forwarding::disbelieve(RequestHead& head) const {
  for (const Field& field : head.forwarder_fields) {
    switch (underscores_) {
      case HeadLimits::Underscores::drop:
        ++head.dropped_fields;
        break;
      case HeadLimits::Underscores::refuse:
        return &kUnderscoreRefused;
      case HeadLimits::Underscores::keep:
        head.fields.push_back(field);
        break;
    }
  }
  head.forwarder_fields.clear();
  if (strip_) {
    head.dropped_fields += static_cast<std::uint32_t>(std::erase_if(
        head.fields, [this](const Field& field) { return is_forwarding(field.name); }));
  }
  return nullptr;
}

bool Forwarding::is_forwarding(std::string_view name) const noexcept {
  constexpr std::string_view prefix = "x-forwarded-";
  if (same_in_cgi(name.substr(0, prefix.size()), prefix)) return true;
  for (const std::string_view known : {"forwarded", "x-real-ip", "x-client-ip"}) {
    if (same_in_cgi(name, known)) return true;
  }
  return std::ranges::any_of(scheme_headers_, [name](const SchemeHeader& header) {
    return same_in_cgi(name, header.name);
  });
}

}  // namespace monodon::http
