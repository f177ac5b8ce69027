// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

namespace monodon {

// What failed and why, in words an operator can act on:
// "fork worker: Resource temporarily unavailable".
struct Error {
  std::string what;  // the operation, as a verb phrase, with its object
  int code = 0;      // errno, taken at the failing call; 0: `what` says it all

  [[nodiscard]] std::string message() const {
    return code == 0 ? what : what + ": " + std::system_category().message(code);
  }
};

// errno does not survive the next line: build the Error where the call failed.
[[nodiscard]] inline Error last_error(std::string what) {
  const int code = errno;
  return Error{std::move(what), code};
}

// A value, or the reason there is none. Member names are those of std::expected,
// so that this file can go when the compilers we support have it (C++23).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Asking for the side that is not there is a bug of the caller and throws
  // std::bad_variant_access.
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

using Outcome = Result<std::monostate>;
[[nodiscard]] inline Outcome ok() {
  return std::monostate{};
}

}  // namespace monodon
