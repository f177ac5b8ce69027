// SPDX-License-Identifier: Apache-2.0
// monodon status: one look at the server, as a table or JSON.
#include <cstdio>

#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"
#include "cli/live/server_status.h"
#include "cli/live/site_looks.h"
#include "cli/live/status_json.h"
#include "cli/live/status_text.h"

namespace monodon::cli {

// The server is asked once, with {"op":"status"}: its answer is one JSON line
// (master/requests.cc) with descriptors, the board at index "board" and the page
// of each worker at index "page" of its slot, all read-only. Everything that changes is
// then read from shared memory, so that a look costs the master one short answer and
// the workers nothing.
int run_status(const ControlOptions& options) {
  const auto complain = [](const Error& error) {
    std::fprintf(stderr, "monodon status: %s\n", error.message().c_str());
    return kBadConfiguration;
  };
  if (options.all) return run_ls(options);
  const auto choice = choose_server(options);
  if (!choice) return complain(choice.error());
  // Where several run and none is named, a line for each says more than a question.
  if (choice.value().path.empty())
    return print_sites(choice.value().sites, options.json);
  const auto answer =
      ask(choice.value().path, R"({"op":"status"})", std::chrono::milliseconds{5000});
  if (!answer) return complain(answer.error());
  const auto status = read_status(answer.value());
  if (!status) return complain(status.error());
  const std::string text =
      options.json ? status_json(status.value()) : status_table(status.value());
  const bool printed =
      std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return printed ? kGood : kBadConfiguration;
}

}  // namespace monodon::cli
