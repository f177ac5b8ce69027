// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"

namespace monodon::cli {

// The first service of a compose file whose command is Gunicorn, with its working_dir,
// user and environment. Read by its lines: anchors, and what is in other files, are not
// followed. An Error: there is none. Pure.
[[nodiscard]] Result<GunicornService> read_compose(std::string_view text,
                                                   const std::string& name);

}  // namespace monodon::cli
