// SPDX-License-Identifier: Apache-2.0
// Where a master that starts has its control socket.
#include "master/control_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/files/runtime_directory.h"
#include "base/log/log.h"

namespace monodon::master {
namespace {

constexpr unsigned kMostOfOneName = 99;

std::string directory_of_service() {
  const char* const given = std::getenv("RUNTIME_DIRECTORY");
  // Several are separated by colons (systemd.exec(5)); the first is ours.
  const std::string all = given == nullptr ? "" : given;
  return all.substr(0, all.find(':'));
}

// In a directory of the user's; several servers of one name have one each.
ControlServer open_by_default(const std::string& name) {
  std::string why;
  const std::size_t places = runtime_directories(name).size();
  for (std::size_t place = 0; place < places; ++place) {
    for (unsigned number = 1; number <= kMostOfOneName; ++number) {
      const std::string directory = runtime_directories(name, number)[place];
      const std::string path = directory + "/control.sock";
      Outcome made = make_runtime_directory(directory);
      if (made && is_answered(path)) continue;
      auto control =
          made ? ControlServer::open(path) : Result<ControlServer>{made.error()};
      if (control) {
        control.value().own_directory(directory);
        log::info("control socket at " + path, {log::Id::server_listening});
        return std::move(control).value();
      }
      why += (why.empty() ? "" : "; ") + control.error().message();
      break;
    }
  }
  log::info("there is no control socket, only signals: " + why,
            {log::Id::configuration_note});
  return {};
}

Error not_made(const std::string& path, int code, const std::string& why) {
  const std::string text = "cannot make runtime_directory " + path;
  if (code != ENOENT) return Error{text + why, code};
  const std::string parent = path.substr(0, path.rfind('/'));
  if (::access(parent.c_str(), F_OK) != 0)
    return Error{text + ": the directory above it does not exist; make that first"};
  return Error{text + ", although " + parent + " exists", code};
}

}  // namespace

Outcome make_given_directory(const Settings& settings, const FileRights& rights,
                             const Owner& owner) {
  const std::string& path = settings.runtime_directory;
  if (path.empty()) return ok();
  const ActingAs acting = rights.for_path(path);
  if (::mkdir(path.c_str(), S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH) != 0)
    return errno == EEXIST ? ok() : not_made(path, errno, acting.why());
  if (!rights.kept_from_user(path) || !owner.uid) return ok();
  // Made by root, where only root can have put it.
  const UniqueFd made{
      ::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!made || ::fchownat(made.get(), "", *owner.uid, owner.gid.value_or(owner.primary),
                          AT_EMPTY_PATH) != 0)
    return last_error("give runtime_directory " + path + " to its user");
  return ok();
}

Result<ControlServer> open_own_control(const Settings& settings) {
  if (!settings.runtime_directory.empty())
    return ControlServer::open(settings.runtime_directory + "/control.sock");
  if (const std::string directory = directory_of_service(); !directory.empty()) {
    auto control = ControlServer::open(directory + "/control.sock");
    if (control) return control;
    log::warning(control.error().message(), {log::Id::resources_short});
    return ControlServer{};
  }
  return open_by_default(settings.worker.name.empty() ? settings.worker.application
                                                      : settings.worker.name);
}

}  // namespace monodon::master
