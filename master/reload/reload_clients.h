// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "master/system/control_socket.h"

namespace monodon::master {

// Clients of the control socket that wait for the end of a reload, and what they are
// told. Each line is a JSON object: any number of
//
//   {"event": "rolling", "generation": 2, "text": "one line for people"}
//
// and then, once,
//
//   {"ok": true, "generation": 2, "text": "..."}               committed
//   {"error": "the reason, many lines", "outcome": "refused", "generation": 2}
//
// where `outcome` is "refused", "rolled_back" or "stopped". Master only, in its loop.
class ReloadClients {
 public:
  explicit ReloadClients(ControlServer& control) : control_{control} {}

  // `client` waits for the end of the next reload that begins. `present`: the one that
  // it waits for first, in words; "": none.
  void add(ControlClient client, std::string_view present);
  // A reload begins: all who came before are told how it goes.
  void begin();

  void tell(std::string_view event, std::uint32_t generation, std::string_view text);
  void committed(std::uint32_t generation, std::string_view text);
  void failed(std::string_view outcome, std::uint32_t generation,
              std::string_view reason);
  // Also for those whose reload never began.
  void stopped();

 private:
  void post(const std::string& line, bool last = false);

  ControlServer& control_;
  std::vector<ControlClient> present_;
  std::vector<ControlClient> next_;
};

}  // namespace monodon::master
