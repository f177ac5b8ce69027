# SPDX-License-Identifier: Apache-2.0
"""usage: embed.py OUTPUT INPUT...   The files as C++, by the names they have."""

import pathlib
import sys

output, *inputs = map(pathlib.Path, sys.argv[1:])
parts = ["// Made by cli/site/embed.py.", '#include "cli/site/templates.h"', "",
         "namespace monodon::cli {", "",
         "std::string_view file_template(std::string_view name) {"]
for path in inputs:
    text = path.read_text(encoding="utf-8")
    assert ")~~" not in text
    parts.append(f'  if (name == "{path.name}") return R"~~({text})~~";')
parts += ["  return {};", "}", "", "}  // namespace monodon::cli", ""]
output.write_text("\n".join(parts), encoding="utf-8")
