// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "master/fleet/fleet.h"
#include "master/system/listeners.h"

namespace monodon::master {

// What a master tells the one that takes its place by execve(2): same pid, same
// children, descriptors kept open (master/handover/upgrade.h). Plain data; times are
// CLOCK_MONOTONIC in nanoseconds; descriptors are numbers that are valid after the
// exec.
struct Testament {
  struct Worker {
    std::uint32_t slot = 0;
    std::uint32_t serial = 0;
    std::uint32_t generation = 0;
    int pid = -1;
    std::string state;  // name_of(State); one that has a process
    int channel = -1;   // -1: it has hung up
    int page = -1;
    std::uint32_t threads = 1;
    std::int64_t asked_ns = 0;
    std::int64_t deadline_ns = 0;
    std::uint32_t failures = 0;
    std::int64_t retire = 0;
    bool asked_to_go = false;
  };
  struct Zygote {
    std::uint32_t generation = 0;
    int pid = -1;
    int channel = -1;
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    std::string boot;  // worker::Boot as JSON
    std::int64_t asked_ns = 0;
    std::int64_t boot_timeout_ms = 0;
  };
  // Of a listener that the first master bound by itself.
  struct SocketFile {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  std::uint32_t generation = 0;       // that serves
  std::uint32_t last_generation = 0;  // a number that was given is not given again
  std::uint32_t last_serial = 0;
  std::uint32_t upgrades = 0;  // this one included
  std::uint64_t wanted = 0;    // workers
  std::vector<Worker> workers;
  std::vector<Zygote> zygotes;
  std::vector<SocketFile> socket_files;
  std::string learned;  // master/fleet/learned.h: a line each
};

// Two programs may succeed each other if this is equal: it changes with every layout
// that master, workers and zygotes share while both versions run.
std::string state_version();

// Of a fleet at rest (Fleet::at_rest): no zygote imports, no fork is awaited. Pure.
Testament draw_up(const Fleet& fleet, const std::vector<Listener>& listeners);

std::string to_json(const Testament& testament);
// An Error: not what to_json() wrote.
Result<Testament> testament_from_json(std::string_view json);

// Makes the fleet what it was. Who is not our child any more, or left no valid
// descriptor, is left out: its slot is filled anew. `order_fds`: ZygoteOrder::fds.
void carry_out(const Testament& testament, Kernel& kernel, const PoolSettings& goal,
               const std::vector<int>& order_fds, Fleet& fleet);

}  // namespace monodon::master
