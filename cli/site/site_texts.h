// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"

namespace monodon::cli {

// Root reads a site's files with the site's rights: no link makes them others.
[[nodiscard]] Result<std::string> read_text(const std::string& path);
[[nodiscard]] std::string text_or_nothing(const std::string& path);

// A shell's script, "" for anything else.
[[nodiscard]] std::string script_text(const std::filesystem::path& directory,
                                      const std::filesystem::path& path);
// One by its path in a container, where COPY has brought it from beside the file that
// says so: "/app/bin/start.sh" is bin/start.sh or start.sh in `directory`.
[[nodiscard]] std::string script_of_container(const std::filesystem::path& directory,
                                              const std::string& path);

// Gunicorn reads a gunicorn.conf.py in the directory that it is started in, where no
// flag names another one.
void add_usual_file(GunicornService& service);

}  // namespace monodon::cli
