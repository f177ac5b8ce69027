// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "cli/live/top_text.h"

namespace monodon::cli {

// What top looks at: one server, or all of the machine.
class Scene {
 public:
  virtual ~Scene() = default;
  // Never waits for long.
  virtual void look() = 0;
  [[nodiscard]] virtual std::vector<TopLine> screen(TopChoice choice, std::size_t width,
                                                    std::size_t height) const = 0;
};

// False: the user wants to leave.
using HeedKey = bool (*)(char key, TopChoice& choice);

// On the terminal until the user leaves. An Error: there is none.
Outcome run_screen(Scene& scene, TopChoice choice, HeedKey heed);

// As text to standard output, one picture after the other. Rates need two looks, so the
// first one comes after the first pause. `pictures`: 0 is without end. An Error: nobody
// reads them.
Outcome run_batch(Scene& scene, const TopChoice& choice, std::uint64_t pictures);

}  // namespace monodon::cli
