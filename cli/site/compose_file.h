// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"

namespace monodon::cli {

// The first service of a compose file whose command is Gunicorn, or `wanted`, with its
// working_dir, user, environment and env_file. Values are those that the file .env and
// the defaults in the file say. `read_file`: the text of a file beside it, "" for none;
// `read_script`: of one that has that path in the container. An Error: there is none.
// Pure but for that.
[[nodiscard]] Result<GunicornService> read_compose(std::string_view text,
                                                   const std::string& name,
                                                   const std::string& wanted = {},
                                                   const ReadScript& read_file = {},
                                                   const ReadScript& read_script = {});

}  // namespace monodon::cli
