// SPDX-License-Identifier: Apache-2.0
// Finds the user who may run a site's code in place of root.
#include "master/config/code_runner.h"

#include <unistd.h>

#include <utility>

namespace monodon::master {

Result<std::optional<Credentials>> code_runner(const std::string& user,
                                               const std::vector<std::string>& code,
                                               const std::string& group) {
  std::optional<Credentials> runner;
  if (::geteuid() != 0) return runner;
  if (!user.empty()) {
    auto found = find_credentials(user, group);
    if (!found) return found.error();
    if (found.value().uid != 0) runner = std::move(found).value();
    return runner;
  }
  constexpr uid_t kNobody = 65534;
  for (const std::string& path : code) {
    const auto foreign = foreign_content(path);
    if (!foreign) continue;
    runner = credentials_of(foreign->uid.value_or(kNobody));
    break;
  }
  return runner;
}

}  // namespace monodon::master
