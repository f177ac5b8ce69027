// SPDX-License-Identifier: Apache-2.0
// docs/messages.md from the table of messages.
#include "cli/messages_page.h"

#include <fmt/format.h>

#include "base/log/log_id.h"

namespace monodon::cli {

std::string messages_page() {
  std::string text =
      "# Messages\n\n"
      "The messages of the error log, by kind. journald has the kind as `MESSAGE_ID`\n"
      "(and its name as `EVENT`), the json format as `event`; the text format has\n"
      "neither. For example, to see all workers of a site that died:\n\n"
      "    journalctl -u monodon@site MESSAGE_ID=" +
      std::string{log::row_of(log::Id::worker_died).message_id} +
      "\n\n"
      "Other fields, in capitals in the journal: `worker` (the slot), `serial`,\n"
      "`generation` and `worker_pid` say which worker a message is about; `request`,\n"
      "`request_id`, `method`, `path`, `remote_addr`, `status` and `duration_us` say\n"
      "which request; `cause` is that of the metric `monodon_worker_exits_total`. A\n"
      "MESSAGE_ID never changes its meaning.\n\n"
      "`monodon generate messages` prints this page.\n";
  for (const log::IdRow& row : log::ids())
    text += fmt::format("\n## {}\n\n`MESSAGE_ID={}`\n\nCause: {}\n\nRemedy: {}\n",
                        row.name, row.message_id, row.cause, row.remedy);
  return text;
}

}  // namespace monodon::cli
