// SPDX-License-Identifier: Apache-2.0
// Pictures of top, on a terminal or as text.
#include "cli/live/scene.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/text/colour.h"
#include "cli/live/terminal.h"

namespace monodon::cli {
namespace {

using std::chrono::milliseconds;

milliseconds delay_of(const TopChoice& choice) {
  return milliseconds{std::llround(choice.delay * 1000)};
}

std::string_view code_of(Tint tint) {
  switch (tint) {
    case Tint::good:
      return colour::kGreen;
    case Tint::slow:
      return colour::kYellow;
    case Tint::bad:
      return colour::kRed;
    case Tint::dim:
      return colour::kDim;
    case Tint::plain:
    case Tint::heading:
      break;
  }
  return {};
}

std::string painted(TopLine line, std::size_t columns, bool coloured) {
  if (line.tint == Tint::heading) {  // turned about, which is no colour
    line.text.resize(columns, ' ');
    return "\x1b[7m" + line.text + "\x1b[0m";
  }
  const std::string_view code = coloured ? code_of(line.tint) : std::string_view{};
  if (code.empty()) return std::move(line.text);
  return std::string{code} + line.text + std::string{colour::kPlain};
}

bool show(Terminal& terminal, const Scene& scene, const TopChoice& choice,
          bool coloured) {
  const Terminal::Size size = terminal.size();
  std::vector<std::string> lines;
  for (TopLine& line : scene.screen(choice, size.columns, size.rows))
    lines.push_back(painted(std::move(line), size.columns, coloured));
  return terminal.draw(lines);
}

}  // namespace

Outcome run_screen(Scene& scene, TopChoice choice, HeedKey heed) {
  const bool coloured = wants_colour(STDOUT_FILENO);
  auto opened = Terminal::open();
  if (!opened)
    return Error{opened.error().message() + "; --batch and --once need none"};
  Terminal& terminal = opened.value();
  scene.look();
  auto next = Clock::now() + delay_of(choice);
  while (show(terminal, scene, choice, coloured)) {
    const auto left = std::chrono::ceil<milliseconds>(next - Clock::now());
    const auto happened = terminal.wait(std::max(left, milliseconds{0}));
    if (happened.over) return ok();
    for (const char key : happened.keys)
      if (!heed(key, choice)) return ok();
    next = std::min(next, Clock::now() + delay_of(choice));
    if (Clock::now() < next) continue;
    if (!choice.paused) scene.look();
    next = Clock::now() + delay_of(choice);
  }
  return ok();
}

Outcome run_batch(Scene& scene, const TopChoice& choice, std::uint64_t pictures) {
  scene.look();
  for (std::uint64_t i = 0; pictures == 0 || i < pictures; ++i) {
    (void)::poll(nullptr, 0, static_cast<int>(delay_of(choice).count()));
    scene.look();
    std::string text = i == 0 ? "" : "\n";
    for (const TopLine& line : scene.screen(choice, 0, 0)) text += line.text + "\n";
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
      return last_error("write to standard output");
  }
  return ok();
}

}  // namespace monodon::cli
