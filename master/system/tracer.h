// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace monodon::master {

// Why a process that was sent SIGKILL is still there, as half a sentence: one that is
// traced (ptrace(2)) stays a zombie until its tracer has looked, which may be never;
// else it probably waits for a disk. Reads /proc.
std::string what_holds(int pid);

// Where a process is that shows no sign of life and cannot say it itself, as half a
// sentence: what its first thread that waits for a disk waits in, or else its main one.
// Reads /proc.
std::string silence_of(int pid);

}  // namespace monodon::master
