// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.h"
#include "worker/application.h"
#include "worker/wire/heritage.h"

namespace monodon::worker {

// The process that imports the application once and then only forks. It is started by
// fork and exec, with nothing but its standard descriptors and its end of the channel:
//
//   PYTHON LIBDIR/zygote.py [BLANKS]     zygote for WSGI
//   LIBDIR/monodon-native [BLANKS]       zygote for native applications
//   ... --check [--hooks]                check_application(), below
//   ... --check-config                   the same, with status 1 for every failure
//
// A last argument of blanks only makes room for process titles.

// The life of the zygote: takes `boot`, loads, answers `loaded` or `load_failed`, then
// makes a worker for every `fork` until `quit` or the end of file. One thread.
//
// Returns the exit status, in the zygote only: 0, or a wire::LoadFailure, or 1 when it
// never understood what to do. A worker never returns from here; it leaves by _exit
// with the status of worker::run.
int run_zygote(UniqueFd channel, Application& app);

// `monodon check`: Boot as JSON on stdin; loads the application and forks nothing.
// Returns 0, a wire::LoadFailure with the reason on stderr, or 1 when the settings
// cannot be read or applied.
// `call_hooks`: its hooks are called, too, as if it were served.
int check_application(Application& app, bool call_hooks);

}  // namespace monodon::worker
