// SPDX-License-Identifier: Apache-2.0
// The program monodon-exporter.
#include <exception>

#include "base/log/log.h"
#include "base/unique_fd.h"
#include "metrics/exporter.h"
#include "metrics/observation/channel.h"

// monodon-exporter: started by the master, with its channel as descriptor 3.
int main() {
  try {
    return monodon::metrics::run_exporter(
        monodon::UniqueFd{monodon::metrics::kExporterChannel});
  } catch (const std::exception& e) {
    monodon::log::error(std::string{"the exporter ends: "} + e.what(),
                        {monodon::log::Id::exporter_failed});
    return 1;
  }
}
