// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace monodon::cli {

// A line of flags as Gunicorn's parser (Python's argparse) reads it, written so that
// CLI11 cannot read it otherwise: "--time 60", "-t60", "-t=60" and "--timeout 60" are
// all "--timeout=60", and an empty value stays one.
struct ArgparseLine {
  std::vector<std::string> words;
  std::vector<std::string> notes;  // of what is left out, as argparse leaves it out
};

// `options`: the flags there are, with our names and Gunicorn's. An abbreviation is one
// of Gunicorn's names first, of ours where Gunicorn has none. Unknown flags stay in the
// words. An Error says what the operator got wrong. Pure.
[[nodiscard]] Result<ArgparseLine> read_like_argparse(
    const CLI::App& options, const std::vector<std::string>& words);

}  // namespace monodon::cli
