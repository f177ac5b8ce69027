// SPDX-License-Identifier: Apache-2.0
// Which application somebody means who names none.
#include "cli/dev/found_applications.h"

#include <nlohmann/json.hpp>

#include "base/files/install_paths.h"
#include "base/process/run_program.h"

namespace monodon::cli {
namespace {

constexpr std::chrono::seconds kPatience{10};

}  // namespace

std::vector<FoundApplication> parse_found(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<FoundApplication> all;
  if (!json.is_array()) return all;
  for (const auto& entry : json)
    if (entry.is_object())
      all.push_back({entry.value("application", ""), entry.value("file", ""),
                     entry.value("asgi", false)});
  return all;
}

Result<std::vector<FoundApplication>> find_applications(const std::string& python,
                                                        const std::string& directory) {
  const auto script = master::find_in_libdir("read_site.py");
  if (!script) return script.error();
  const auto done =
      run_program({python, script.value(), "--candidates", directory}, kPatience);
  if (!done) return done.error();
  if (done.value().status != 0)
    return Error{"look for an application with " + python + ":\n" +
                 done.value().errors};
  return parse_found(done.value().output);
}

std::string nothing_found(const std::vector<FoundApplication>& found,
                          const std::string& directory) {
  if (!found.empty())
    return found.front().file + " is an ASGI application (" +
           found.front().application +
           "), and WSGI is what is served; name a WSGI application: monodon dev "
           "package.module:callable";
  return "no application in " + directory +
         ": there is no manage.py, wsgi.py, app.py or main.py with one; name it: "
         "monodon "
         "dev package.module:callable";
}

std::string others_beside(const std::vector<FoundApplication>& found) {
  std::string others;
  for (std::size_t i = 1; i < found.size(); ++i)
    if (!found[i].asgi) others += (others.empty() ? "" : ", ") + found[i].application;
  if (others.empty()) return {};
  return "there is also " + others + "; choose with monodon dev NAME";
}

}  // namespace monodon::cli
