// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files/file_rights.h"
#include "base/result.h"

namespace monodon::master {

// As whom a process of root's runs code of a site: its gunicorn.conf.py, its settings,
// its application. std::nullopt: as who we are, because we are not root, because `user`
// is root, or because all of `code` (files and directories that code is taken from,
// absolute) is root's alone. Else `user` (a name or number, "" for none) with `group`,
// or whoever owns the first of them that is not root's; nobody where that is root's and
// others may write to it. An Error: there is no such user.
[[nodiscard]] Result<std::optional<Credentials>> code_runner(
    const std::string& user, const std::vector<std::string>& code,
    const std::string& group = {});

}  // namespace monodon::master
