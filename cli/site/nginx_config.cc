// SPDX-License-Identifier: Apache-2.0
// Reads nginx's configuration as far as a site is concerned.
#include "cli/site/nginx_config.h"

#include <algorithm>

#include "base/text/lower.h"
#include "base/text/number.h"

namespace monodon::cli {
namespace {

using Directives = std::vector<NginxDirective>;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_{text} {}

  Directives block() {
    Directives all;
    NginxDirective current;
    while (next()) {
      if (!punctuation_) {
        (current.name.empty() ? current.name : current.arguments.emplace_back()) =
            word_;
        continue;
      }
      if (word_ == "}") return all;
      if (word_ == "{") {
        // Bounded: nginx itself has no block deeper than a handful.
        if (++depth_ > 64) return all;
        current.block = block();
        --depth_;
      }
      if (!current.name.empty()) all.push_back(std::move(current));
      current = {};
    }
    return all;
  }

 private:
  // The next word, or one of { } ; with punctuation_ set. False at the end.
  bool next() {
    skip();
    if (text_.empty()) return false;
    word_.clear();
    const char first = text_.front();
    punctuation_ = first == '{' || first == '}' || first == ';';
    if (punctuation_) {
      word_ = first;
      text_.remove_prefix(1);
    } else if (first == '"' || first == '\'') {
      quoted(first);
    } else {
      bare();
    }
    return true;
  }

  void skip() {
    while (!text_.empty()) {
      const std::size_t first = text_.find_first_not_of(" \t\r\n");
      text_.remove_prefix(std::min(first, text_.size()));
      if (text_.empty() || text_.front() != '#') return;
      text_.remove_prefix(std::min(text_.find('\n'), text_.size()));
    }
  }

  void quoted(char quote) {
    text_.remove_prefix(1);
    while (!text_.empty() && text_.front() != quote) {
      if (text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
      word_ += text_.front();
      text_.remove_prefix(1);
    }
    text_.remove_prefix(std::min<std::size_t>(1, text_.size()));
  }

  void bare() {
    bool variable = false;  // ${name} has braces of its own
    while (!text_.empty()) {
      const char c = text_.front();
      if (std::string_view{" \t\r\n;"}.find(c) != std::string_view::npos) return;
      if (c == '{' && !word_.ends_with('$')) return;
      if (c == '}' && !variable) return;
      variable = c == '{' || (variable && c != '}');
      word_ += c;
      text_.remove_prefix(1);
    }
  }

  std::string_view text_;
  std::string word_;
  bool punctuation_ = false;
  int depth_ = 0;
};

struct Upstream {
  std::vector<std::string> sockets;
  bool keepalive = false;
  std::string keepalive_timeout;
};
using Upstreams = std::map<std::string, Upstream>;

// unix:/path of an upstream's server; unix:/path:/uri of a proxy_pass.
std::string socket_path(std::string_view address) {
  if (!address.starts_with("unix:")) return {};
  address.remove_prefix(5);
  return std::string{address.substr(0, address.find(':'))};
}

void collect_upstreams(const Directives& directives, Upstreams& upstreams) {
  for (const NginxDirective& directive : directives) {
    if (directive.name != "upstream" || directive.arguments.empty()) {
      collect_upstreams(directive.block, upstreams);
      continue;
    }
    Upstream& upstream = upstreams[directive.arguments[0]];
    for (const NginxDirective& line : directive.block) {
      if (line.arguments.empty()) continue;
      if (line.name == "server") {
        const std::string path = socket_path(line.arguments[0]);
        if (!path.empty()) upstream.sockets.push_back(path);
      } else if (line.name == "keepalive") {
        upstream.keepalive = true;
      } else if (line.name == "keepalive_timeout") {
        upstream.keepalive_timeout = line.arguments[0];
      }
    }
  }
}

class Walker {
 public:
  explicit Walker(const Upstreams& upstreams) : upstreams_{upstreams} {}

  void walk(const Directives& directives, NginxRoute here) {
    inherit(directives, here);
    for (const NginxDirective& directive : directives) {
      if (directive.name == "proxy_pass" && !directive.arguments.empty()) {
        pass(directive.arguments[0], here);
      }
      if (directive.block.empty() || directive.name == "upstream") continue;
      NginxRoute inside = here;
      if (directive.name == "location" && !directive.arguments.empty()) {
        inside.location = directive.arguments.back();
      }
      walk(directive.block, std::move(inside));
    }
  }

  std::vector<NginxRoute> take() { return std::move(routes_); }

 private:
  static void inherit(const Directives& directives, NginxRoute& here) {
    bool own_fields = false;
    for (const NginxDirective& line : directives) {
      const auto& words = line.arguments;
      if (words.empty()) continue;
      if (line.name == "proxy_set_header" && words.size() > 1) {
        // Any at this level replaces all of the levels above.
        if (!own_fields) here.fields.clear();
        own_fields = true;
        here.fields[lower(words[0])] = words[1];
      } else if (line.name == "proxy_http_version") {
        here.http_version = words[0];
      } else if (line.name == "proxy_read_timeout") {
        here.read_timeout = words[0];
      } else if (line.name == "client_max_body_size") {
        here.body_size = words[0];
      } else if (line.name == "server_name") {
        here.server_names = words;
      } else if (line.name == "listen") {
        here.tls |= std::find(words.begin(), words.end(), "ssl") != words.end();
      }
    }
  }

  void pass(std::string_view address, const NginxRoute& here) {
    const std::size_t scheme = address.find("://");
    if (scheme == std::string_view::npos) return;
    address.remove_prefix(scheme + 3);
    NginxRoute route = here;
    route.proxy_host = address.starts_with("unix:")
                           ? "localhost"
                           : std::string{address.substr(0, address.find('/'))};
    route.socket = socket_path(address);
    if (!route.socket.empty()) return routes_.push_back(std::move(route));
    const auto upstream =
        upstreams_.find(std::string{address.substr(0, address.find('/'))});
    if (upstream == upstreams_.end()) return;
    route.keepalive = upstream->second.keepalive;
    route.keepalive_timeout = upstream->second.keepalive_timeout;
    for (const std::string& socket : upstream->second.sockets) {
      route.socket = socket;
      routes_.push_back(route);
    }
  }

  const Upstreams& upstreams_;
  std::vector<NginxRoute> routes_;
};

}  // namespace

std::vector<NginxDirective> parse_nginx(std::string_view text) {
  return Parser{text}.block();
}

std::vector<NginxRoute> nginx_routes(const Directives& configuration) {
  Upstreams upstreams;
  collect_upstreams(configuration, upstreams);
  Walker walker{upstreams};
  walker.walk(configuration, {});
  return walker.take();
}

std::uint64_t nginx_time(std::string_view text, std::uint64_t otherwise) {
  return parse_duration_ms(text).value_or(otherwise);
}

std::uint64_t nginx_size(std::string_view text, std::uint64_t otherwise) {
  return parse_size(text).value_or(otherwise);
}

}  // namespace monodon::cli
