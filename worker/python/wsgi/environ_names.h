// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "worker/python/py.h"

namespace monodon::python {

// The key of a header field in environ. At an address that does not change.
struct FieldName {
  Ref key;              // "HTTP_X_Y"
  bool secret = false;  // its values are never remembered
  bool cookie = false;
  bool host = false;
};

// Names of header fields that came, and their keys, so that each is made once. Bounded:
// clients choose names. Used under the GIL.
class FieldNames {
 public:
  // Two spellings ("X-A", "x-a") are one FieldName. When the table is full, a name that
  // is not in it lives in `spare`, for this field only. Null with an exception set.
  [[nodiscard]] FieldName* find_or_add(std::string_view field_name, FieldName& spare);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>{}(s);
    }
  };
  std::deque<FieldName> names_;
  std::unordered_map<std::string, FieldName*> by_key_;
  std::unordered_map<std::string, FieldName*, Hash, std::equal_to<>> by_field_;
};

}  // namespace monodon::python
