// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "master/config/load.h"

namespace monodon::cli {

// Where a directory, manage.py or a file of a Django project is named (`dev .`, `dev site`,
// `dev site/shop/wsgi.py`), `line` is as if it had been given in that directory or project.
void enter_named_place(master::CommandLine& line);

// Whether all that `line` lacks is an application, or a module for a file that it
// names.
[[nodiscard]] bool lacks_application_only(const master::ConfigResult& result,
                                          const master::CommandLine& line);

// Whether it names a module or package of this directory and nothing in it: `dev app`.
[[nodiscard]] bool names_no_callable(const master::ConfigResult& result,
                                     const master::CommandLine& line);

// The application that is there, or that of the file that was named, as if it had been
// named as package.module:callable; an Error says what to name. Runs the interpreter of
// the site, nothing of the site.
Outcome choose_application(master::CommandLine& line);

// DJANGO_SETTINGS_MODULE as `manage.py runserver` has it, in this process and so in
// those of all generations, unless environment or configuration set it: wsgi.py may
// name those of production. Returns what to say of it, "" where there is no such
// manage.py. `changed`: it was set here.
std::string take_django_settings(const master::LoadedConfig& config, bool& changed);

}  // namespace monodon::cli
