// SPDX-License-Identifier: Apache-2.0
// Keys of environ, each made once.
#include "worker/python/wsgi/environ_names.h"

#include "worker/python/wsgi/cgi_names.h"

namespace monodon::python {
namespace {

constexpr std::size_t kMaxNames = 512;

}  // namespace

FieldName* FieldNames::find_or_add(std::string_view field_name, FieldName& spare) {
  if (const auto known = by_field_.find(field_name); known != by_field_.end())
    return known->second;
  const std::string key = environ_key(field_name);
  const auto same = by_key_.find(key);
  FieldName* name = same == by_key_.end() ? nullptr : same->second;
  if (name == nullptr) {
    const bool room = names_.size() < kMaxNames;
    name = room ? &names_.emplace_back() : &spare;
    // Interning may be for ever (CPython 3.12), so only for names that are kept.
    name->key = Ref::steal(room ? PyUnicode_InternFromString(key.c_str())
                                : PyUnicode_FromString(key.c_str()));
    if (!name->key) {
      if (room) names_.pop_back();
      return nullptr;
    }
    name->cookie = key == "HTTP_COOKIE";
    name->host = key == "HTTP_HOST";
    name->secret = name->cookie || key.ends_with("AUTHORIZATION");
    if (room) by_key_.emplace(key, name);
  }
  if (by_field_.size() < 2 * kMaxNames && name != &spare)
    by_field_.emplace(field_name, name);
  return name;
}

}  // namespace monodon::python
