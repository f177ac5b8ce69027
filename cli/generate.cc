// SPDX-License-Identifier: Apache-2.0
// Prints the documents and scripts that are made from our own tables.
#include <cstdio>

#include "cli/line/commands.h"
#include "cli/messages_page.h"
#include "master/config/docs.h"
#include "metrics/exposition/catalogue.h"

namespace monodon::cli {

int run_generate(const std::string& what) {
  const std::string text = what == "man"           ? master::manual_page()
                           : what == "messages"    ? messages_page()
                           : what == "metrics-man" ? metrics::metrics_manual()
                                                   : master::commented_yaml();
  return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : kGood;
}

}  // namespace monodon::cli
