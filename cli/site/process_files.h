// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"

namespace monodon::cli {

// Files that start Gunicorn without systemd. `name` is that of the file, for messages;
// an Error says that none of its processes is Gunicorn. Pure.

// "web: gunicorn site.wsgi": the first of its processes that is Gunicorn.
[[nodiscard]] Result<GunicornService> read_procfile(std::string_view text,
                                                    const std::string& name);

// ENTRYPOINT and CMD of the last stage, both forms, with its ENV, WORKDIR and USER.
[[nodiscard]] Result<GunicornService> read_dockerfile(std::string_view text,
                                                      const std::string& name);

// The first [program:x] that is Gunicorn, with directory, user and environment.
[[nodiscard]] Result<GunicornService> read_supervisord(std::string_view text,
                                                       const std::string& name,
                                                       const std::string& directory);

}  // namespace monodon::cli
