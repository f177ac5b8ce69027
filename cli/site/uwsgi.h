// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/site/gunicorn_service.h"
#include "cli/site/uwsgi_ini.h"

namespace monodon::cli {

// A service as uWSGI runs it, in our flags; each option that is something else here, or
// nothing, is told. https://uwsgi-docs.readthedocs.io/en/latest/Options.html. An Error:
// no application of Python's is named. Pure.

// An ini file.
[[nodiscard]] Result<GunicornService> read_uwsgi_ini(
    const UwsgiFile& file, const ReadUwsgiFile& read_file = {});

// The words behind the program: "--http :8000 --module site.wsgi". `ini`: the file that
// they name, if they do.
[[nodiscard]] Result<GunicornService> read_uwsgi_line(
    const std::vector<std::string>& words, const UwsgiFile& ini,
    const ReadUwsgiFile& read_file = {});

// The file that the words name with --ini, or as NAME.ini, and its section; "" for
// none.
[[nodiscard]] UwsgiPlace ini_of_uwsgi(const std::vector<std::string>& words);

}  // namespace monodon::cli
