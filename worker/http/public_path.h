// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon::http {

// Whether the target of a request may be kept and asked for again, by ourselves: an
// absolute path without a query, in which nothing looks like a token, an id of a
// session or the link in a mail, or like an order ("/logout", "/unsubscribe/7"). Names,
// numbers and words with dashes are fine; what may be a secret is one. Pure.
[[nodiscard]] bool is_public_path(std::string_view target) noexcept;

}  // namespace monodon::http
