// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/live/scene.h"
#include "cli/live/sites_text.h"

namespace monodon::cli {

// Every server of this machine, again and again, a line each.
class SitesScene final : public Scene {
 public:
  void look() override;
  [[nodiscard]] std::vector<TopLine> screen(TopChoice choice, std::size_t width,
                                            std::size_t height) const override;

 private:
  std::vector<SiteLook> looks_;
  std::map<std::string, Trend> trends_;  // by control socket
};

}  // namespace monodon::cli
