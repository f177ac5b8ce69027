// SPDX-License-Identifier: Apache-2.0
#include "worker/python/wsgi/cgi_names.h"

#include <catch2/catch.hpp>

using namespace monodon;

TEST_CASE("names of fields become names of variables", "[cgi_names]") {
  CHECK(python::environ_key("Host") == "HTTP_HOST");
  CHECK(python::environ_key("x-Forwarded-FOR") == "HTTP_X_FORWARDED_FOR");
  CHECK(python::environ_key("Content-Type") == "CONTENT_TYPE");
  CHECK(python::environ_key("content-length") == "CONTENT_LENGTH");
  CHECK(python::environ_key("Content-Encoding") == "HTTP_CONTENT_ENCODING");
}

TEST_CASE("an authority is a host and perhaps a port", "[cgi_names]") {
  const auto is = [](std::string_view text, std::string_view host,
                     std::string_view port) {
    const python::HostPort parts = python::split_host(text);
    return parts.host == host && parts.port == port;
  };
  CHECK(is("example.org", "example.org", ""));
  CHECK(is("example.org:81", "example.org", "81"));
  CHECK(is("[::1]", "[::1]", ""));
  CHECK(is("[::1]:81", "[::1]", "81"));
  CHECK(is("example.org:", "example.org", ""));
  CHECK(is("", "", ""));
}
