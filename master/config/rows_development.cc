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
         "the configuration file. It is the reload of SIGHUP: code that cannot be "
         "imported is told, and what serves goes on. At a start it is waited for. "
         "observe and fallback are 0 unless they are set, so that each edit serves at "
         "once. For development; monodon dev sets it.",
     .on_reload = OnReload::restart,
     .flags = "--reload"},
    {.key = "reload_extra_files",
     .kind = Kind::list,
     .field = &M::reload_extra_files,
     .doc = "More files whose change is a reason for reload.",
     .more = "Files, directories (all that is below), or patterns with * ? and [ ], in "
             "which ** also stands for directories.",
     .on_reload = OnReload::restart,
     .flags = "--reload-extra-file"},
    {.key = "reload_engine",
     .kind = Kind::choice,
     .field = &M::reload_engine,
     .doc = "How changes are noticed.",
     .more = "inotify hears of them at once. poll compares all files twice a second, "
             "for what inotify does not see: file systems of other machines or of the "
             "host. auto takes inotify where it can.",
     .on_reload = OnReload::restart,
     .choices = "auto|inotify|poll"},
    {.key = "development",
     .kind = Kind::flag,
     .field = &W::development,
     .doc = "Leave the terminal to the application, for pdb.",
     .more = "With DEBUG, Django's static files are served as runserver does. "
             "monodon dev sets it, with all else that goes with writing code.",
     .on_reload = OnReload::restart},
};

}  // namespace

std::span<const Setting> development() {
  return kDevelopment;
}

}  // namespace monodon::master::rows
