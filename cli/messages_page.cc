// SPDX-License-Identifier: Apache-2.0
// docs/messages.md from the table of messages.
#include "cli/messages_page.h"

#include <fmt/format.h>

#include "base/log/log_id.h"

namespace monodon::cli {

std::string messages_page() {
  std::string text =
      "# Messages\n\n"
      "What the error log says, by kind. journald has the kind as `MESSAGE_ID` (and "
      "its\n"
      "name as `EVENT`), the json format as `event`; text has neither. So, for all\n"
      "workers that died of a site:\n\n"
      "    journalctl -u monodon@site MESSAGE_ID=" +
      std::string{log::row_of(log::Id::worker_died).message_id} +
      "\n\n"
      "Other fields, in capitals in the journal: `worker` (the slot), `serial`,\n"
      "`generation` and `worker_pid` say whom it is about; `request`, `request_id`,\n"
      "`method`, `path`, `remote_addr`, `status` and `duration_us` which request;\n"
      "`cause` is that of the metric `monodon_worker_exits_total`. A MESSAGE_ID never\n"
      "changes its meaning.\n\n"
      "This page is printed by `monodon generate messages`.\n";
  for (const log::IdRow& row : log::ids())
    text += fmt::format("\n## {}\n\n`MESSAGE_ID={}`\n\nCause: {}\n\nRemedy: {}\n",
                        row.name, row.message_id, row.cause, row.remedy);
  return text;
}

}  // namespace monodon::cli
