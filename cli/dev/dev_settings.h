// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "master/config/load.h"

namespace monodon::cli {

// What `monodon dev` is, in settings: one worker that may be stopped in a debugger for
// hours, no code in memory that would not be there otherwise, everything on the
// terminal. They go over the file, which is for production, and under the flags. Pure.
[[nodiscard]] std::vector<master::Override> dev_settings();

// Whether flags or environment of `line` set `key`. Pure.
[[nodiscard]] bool is_set(const master::CommandLine& line, const std::string& key);

// Under everything that was said on the command line, and over the file.
void put_below(master::CommandLine& line, std::vector<master::Override> settings);

// $PORT and `--bind :PORT` as an address of this machine alone: debug pages are not for the network. Pure.
void keep_port_at_home(master::CommandLine& line);

// The first of kPorts ports from `first` on, at 127.0.0.1, that nobody has; 0 where all
// are taken. Asks the kernel, so that somebody may be faster.
inline constexpr int kPorts = 10;
[[nodiscard]] std::uint16_t free_port(std::uint16_t first);

}  // namespace monodon::cli
