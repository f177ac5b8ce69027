// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"

namespace monodon::cli {

// A service as uWSGI runs it, in our flags; each option that is something else here, or
// nothing, is told. https://uwsgi-docs.readthedocs.io/en/latest/Options.html. An Error:
// no application of Python's is named. Pure.

// The section [uwsgi] of an ini file. `name` and `directory` are those of the file.
[[nodiscard]] Result<GunicornService> read_uwsgi_ini(std::string_view text,
                                                     const std::string& name,
                                                     const std::string& directory);

// The words behind the program: "--http :8000 --module site.wsgi". `ini`, if not "", is
// the text of the file that they name with --ini.
[[nodiscard]] Result<GunicornService> read_uwsgi_line(
    const std::vector<std::string>& words, const std::string& ini,
    const std::string& ini_directory);

// The file that the words name with --ini, or as NAME.ini; "" for none.
[[nodiscard]] std::string ini_of_uwsgi(const std::vector<std::string>& words);

}  // namespace monodon::cli
