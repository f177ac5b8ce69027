// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon::master {

// Why the server cannot start, for STATUS=: the first line of `reason`, which may be a
// traceback or any other text of an application. Pure.
std::string failed_start_text(std::string_view reason);

// Says on stderr what is in the log already, if the log is a file: stderr is where
// systemctl status, the journal and a terminal look.
void tell_failed_start(std::string_view reason);

}  // namespace monodon::master
