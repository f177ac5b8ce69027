// SPDX-License-Identifier: Apache-2.0
// The list of fuzz targets that a program is made of.
#include "tests/fuzz/target.h"

namespace monodon::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

Target::Target(std::string_view its_name, Check its_check)
    : name{its_name}, check{its_check} {
  targets().push_back(*this);
}

std::string Target::run(std::string_view bytes) const {
  if (bytes.empty()) return {};
  // At the end of an allocation, so that a sanitizer sees a read past it.
  const std::vector<char> input{bytes.begin() + 1, bytes.end()};
  return check({input.data(), input.size()}, static_cast<unsigned char>(bytes.front()));
}

}  // namespace monodon::fuzz
