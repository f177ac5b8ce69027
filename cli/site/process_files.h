// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"

namespace monodon::cli {

// Files that start Gunicorn without systemd. `name` is that of the file, for messages;
// an Error says that none of its processes is Gunicorn. The first that is, or `wanted`.
// Pure.

// "web: gunicorn site.wsgi".
[[nodiscard]] Result<GunicornService> read_procfile(std::string_view text,
                                                    const std::string& name,
                                                    const std::string& wanted = {},
                                                    const ReadScript& read_script = {});

// ENTRYPOINT and CMD of the last stage, both forms, with its ENV, ARG, WORKDIR and
// USER.
[[nodiscard]] Result<GunicornService> read_dockerfile(
    std::string_view text, const std::string& name, const ReadScript& read_script = {});

// A [program:x], with directory, user and environment; what else it says is told.
[[nodiscard]] Result<GunicornService> read_supervisord(
    std::string_view text, const std::string& name, const std::string& directory,
    const std::string& wanted = {}, const ReadScript& read_script = {});

// The user that a container runs as is no setting: it is told.
void tell_user_of_container(GunicornService& service);

// The same choice among services that were read elsewhere.
[[nodiscard]] Result<GunicornService> choose_service(
    const std::vector<std::pair<std::string, Result<GunicornService>>>& services,
    const std::string& file, const std::string& wanted);

}  // namespace monodon::cli
