// SPDX-License-Identifier: Apache-2.0
// The rows of the table that are about writing an application.
#include "master/config/rows.h"

namespace monodon::master::rows {
namespace {

using W = worker::Settings;
using M = Settings;

constexpr Setting kDevelopment[] = {
    {.key = "reload",
     .kind = Kind::flag,
     .field = &W::reload,
     .doc = "Reload when files of the application change.",
     .more =
         "Watched are Python, extension modules, templates, compiled translations and "
         ".env below directory and python_path, the files of all loaded modules, and "
         "the configuration file. A change causes the same reload as SIGHUP: if the "
         "new code cannot be imported, the log says why, and the old code goes on "
         "serving. If the code cannot be imported at the start, the server waits for a "
         "change. observe and fallback are 0 unless they are set, so that each edit "
         "serves at once. For development; monodon dev sets it.",
     .on_reload = OnReload::restart,
     .flags = "--reload"},
    {.key = "reload_extra_files",
     .kind = Kind::list,
     .field = &M::reload_extra_files,
     .doc = "More files that are watched with reload.",
     .more = "Files, directories (everything below them), or patterns with * ? and [ "
             "], in which ** also matches directories.",
     .on_reload = OnReload::restart,
     .flags = "--reload-extra-file"},
    {.key = "reload_engine",
     .kind = Kind::choice,
     .field = &M::reload_engine,
     .doc = "How changes are noticed.",
     .more = "inotify is told at once. poll compares all files twice a second, for "
             "changes that inotify does not see: on network file systems, or made by "
             "the host of a virtual machine. auto uses inotify where it can.",
     .on_reload = OnReload::restart,
     .choices = "auto|inotify|poll"},
    {.key = "development",
     .kind = Kind::flag,
     .field = &W::development,
     .doc = "Leave the terminal to the application, for pdb.",
     .more = "With DEBUG, Django's static files are served as by runserver. monodon "
             "dev sets it, with everything else that helps while writing code.",
     .on_reload = OnReload::restart},
};

}  // namespace

std::span<const Setting> development() {
  return kDevelopment;
}

}  // namespace monodon::master::rows
