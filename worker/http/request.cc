// SPDX-License-Identifier: Apache-2.0
// A parsed request head.
#include "worker/http/request.h"

#include "worker/http/chars.h"

namespace monodon::http {

std::string_view RequestHead::find(std::string_view name) const noexcept {
  for (const Field& field : fields) {
    if (equals_lower(field.name, name)) return field.value;
  }
  return {};
}

void RequestHead::clear() noexcept {
  method = target = path = query = host = request_line = {};
  minor_version = 1;
  framing = Framing::none;
  content_length = 0;
  keep_alive = true;
  expect_continue = false;
  dropped_fields = 0;
  fields.clear();
  forwarder_fields.clear();
}

}  // namespace monodon::http
