// SPDX-License-Identifier: Apache-2.0
// Scrapes in a tenth of their size.
#include "metrics/http/gzip.h"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

#include "metrics/http/accept.h"

namespace monodon::metrics {
namespace {

namespace zlib = boost::beast::zlib;

void append_number(std::string& to, std::uint32_t number) {
  for (int i = 0; i < 4; ++i, number >>= 8U) to += static_cast<char>(number & 255U);
}

}  // namespace

std::string gzip(std::string_view text) {
  // Magic, deflate, no flags, no time, no hint, no system.
  std::string out{"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10};
  const std::size_t head = out.size();
  zlib::deflate_stream stream;
  constexpr int kLevel = 1;  // a scrape is compressed each time it is asked for
  stream.reset(kLevel, 15, 8, zlib::Strategy::normal);
  out.resize(head + stream.upper_bound(text.size()) + 64);
  zlib::z_params params{};
  params.next_in = text.data();
  params.avail_in = text.size();
  params.next_out = out.data() + head;
  params.avail_out = out.size() - head;
  boost::system::error_code error;
  stream.write(params, zlib::Flush::finish, error);
  if (error != zlib::error::end_of_stream) return {};
  out.resize(head + params.total_out);
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  append_number(out, crc.checksum());
  append_number(out, static_cast<std::uint32_t>(text.size()));
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  const double named = quality_of(accept_encoding, "gzip");
  return named >= 0 ? named > 0 : quality_of(accept_encoding, "*") > 0;
}

}  // namespace monodon::metrics
