// SPDX-License-Identifier: Apache-2.0
// Which application somebody means who names none.
#include "cli/dev/found_applications.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "base/files/install_paths.h"
#include "base/process/run_program.h"

namespace monodon::cli {
namespace {

constexpr std::chrono::seconds kPatience{10};

}  // namespace

FoundSite parse_found(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  FoundSite site;
  if (!json.is_object() || !json.contains("applications")) return site;
  site.settings = json.value("settings", "");
  site.module = json.value("module", "");
  site.root = json.value("root", "");
  site.broken = json.value("broken", std::vector<std::string>{});
  for (const auto& entry : json["applications"])
    if (entry.is_object())
      site.applications.push_back({entry.value("application", ""),
                                   entry.value("file", ""), entry.value("root", ""),
                                   entry.value("asgi", false)});
  return site;
}

Result<FoundSite> find_applications(const std::string& python,
                                    const std::string& directory,
                                    const std::string& interface,
                                    const std::string& file) {
  const auto script = master::find_in_libdir("read_site.py");
  if (!script) return script.error();
  const auto done = run_program(
      {python, script.value(), "--candidates", directory, interface, file}, kPatience);
  if (!done) return done.error();
  if (done.value().status != 0)
    return Error{"look for an application with " + python + ":\n" +
                 done.value().errors};
  return parse_found(done.value().output);
}

std::string nothing_found(const FoundSite& site, const std::string& directory,
                          const std::string& interface) {
  const std::vector<FoundApplication>& found = site.applications;
  const bool asgi = interface == "asgi";
  if (!found.empty() && !asgi)
    return fmt::format(
        "{} is an ASGI application ({}); `monodon dev --interface asgi` serves it",
        found.front().file, found.front().application);
  if (!found.empty())
    return fmt::format(
        "{} is a WSGI application ({}), and interface is asgi; name an "
        "ASGI application: monodon dev package.module:callable",
        found.front().file, found.front().application);
  if (!site.broken.empty())
    return fmt::format("no {}application in {}, and there is no Python in {}",
                       asgi ? "ASGI " : "", directory, fmt::join(site.broken, "; "));
  return fmt::format(
      "no {}application in {}: none was found in manage.py, {}, app.py, main.py and "
      "the "
      "like, nor in a package here or in src; name it: monodon dev "
      "package.module:callable",
      asgi ? "ASGI " : "", directory, asgi ? "asgi.py" : "wsgi.py");
}

std::string others_beside(const std::vector<FoundApplication>& found) {
  std::string others;
  for (std::size_t i = 1; i < found.size(); ++i)
    if (found[i].asgi == found[0].asgi)
      others += (others.empty() ? "" : ", ") + found[i].application;
  if (others.empty()) return {};
  return "there is also " + others + "; choose with monodon dev NAME";
}

}  // namespace monodon::cli
