// SPDX-License-Identifier: Apache-2.0
// The options of import, init and doctor on the command line.
#include "cli/line/site_commands.h"

namespace monodon::cli {

SiteCommands::SiteCommands(CLI::App& app, SiteOptions& asked)
    : asked_{asked},
      importer_{app.add_subcommand(
          "import",
          "Translate a service of Gunicorn: its unit, file or command line.")},
      init_{app.add_subcommand(
          "init",
          "Write units, settings, nginx's file and a deploy script for a site.")},
      doctor_{app.add_subcommand(
          "doctor", "Look for what is wrong between nginx and the application.")} {
  // What follows may be a command line, whose flags are not ours.
  importer_->prefix_command();
  importer_->footer(
      "What to import: SITE.service, gunicorn.conf.py, Procfile, Dockerfile, "
      "compose.yaml, a "
      "configuration of\nsupervisord, uwsgi.ini, or a command line: gunicorn ..., "
      "poetry "
      "run gunicorn ...,\nuwsgi ...\n");
  importer_->add_flag("--unit", asked.import.unit,
                      "Print the unit: changed, or a new one.");
  importer_
      ->add_option("--chdir", asked.import.directory,
                   "Directory that Gunicorn is started in.")
      ->type_name("PATH");
  importer_->add_option("--python", asked.import.python, "Interpreter of the site.")
      ->type_name("PATH");
  importer_
      ->add_option("--service", asked.import.service,
                   "Which one, where a file has several that are Gunicorn.")
      ->type_name("NAME");
  add_init_options();
  doctor_->add_option("site", asked.doctor.site,
                      "The site or its service; every service of ours by default.");
  doctor_->add_flag("--json", asked.doctor.json, "Print JSON, an object a site.");
  doctor_
      ->add_option("--root", asked.doctor.root,
                   "Look at the files below this directory, not at what runs.")
      ->type_name("PATH");
  doctor_
      ->add_option("--socket", asked.doctor.socket,
                   "Look at this socket alone; needs no systemd.")
      ->type_name("PATH");
  doctor_
      ->add_option("--user", asked.doctor.user,
                   "Who connects to it. [whom nginx runs as]")
      ->type_name("NAME");
  doctor_
      ->add_option("-c,--config", asked.doctor.config_file,
                   "Look at the server that was started with this file; needs no "
                   "systemd.")
      ->type_name("PATH");
}

void SiteCommands::add_init_options() {
  Site& site = asked_.init.site;
  const auto text = [&](const char* names, std::string& value, const char* what,
                        const char* type) {
    init_->add_option(names, value, what)->type_name(type);
  };
  init_->add_option("name", site.name,
                    "Name of the site; by default that of its directory.");
  text("-d,--directory", site.directory, "Directory of the application. [here]",
       "PATH");
  text("-o,--output", asked_.init.output, "Directory to write to. [here]", "PATH");
  init_->add_flag("-y,--yes", asked_.init.yes, "Overwrite without asking.");
  init_->add_flag("--instance", site.instance,
                  "Use the packaged monodon@.service, with a drop-in.");
  text("--application", site.application, "The application. [found in its code]",
       "TEXT");
  text("--python", site.python, "Its interpreter. [.venv or venv there]", "PATH");
  text("--user", site.user, "User to run as. [owner of the directory, or the name]",
       "TEXT");
  text("--group", site.group, "Its group. [of the user]", "TEXT");
  text("--socket", site.socket, "Path of the socket. [/run/monodon/NAME/http.sock]",
       "PATH");
  text("--nginx-user", site.proxy_user, "User that nginx runs as. [of nginx.conf]",
       "TEXT");
  init_
      ->add_option("--server-name", site.server_names,
                   "Server name; may be repeated. [ALLOWED_HOSTS]")
      ->type_name("TEXT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  text("--static", site.static_root, "Directory of static files. [STATIC_ROOT]",
       "PATH");
  text("--media", site.media_root, "Directory of uploads. [MEDIA_ROOT]", "PATH");
  text("--certificate", site.certificate,
       "Certificate for nginx. [Let's Encrypt's, if found; else plain HTTP]", "PATH");
  text("--certificate-key", site.certificate_key, "Its key.", "PATH");
  text("--access-log", site.access_log, "Access log. [logs/access.log]", "PATH");
  text("--error-log", site.error_log, "Error log. [logs/error.log]", "PATH");
  text("--body-size", site.body_size, "Largest request body. [100m]", "SIZE");
  init_->add_option("-w,--workers", site.workers, "Number of workers. [3]")
      ->type_name("N")
      ->check(CLI::Range(1, 512));
}

std::optional<Command> SiteCommands::chosen() {
  if (importer_->parsed()) {
    asked_.import.what = importer_->remaining();
    return Command::import;
  }
  if (init_->parsed()) return Command::init;
  if (doctor_->parsed()) return Command::doctor;
  return std::nullopt;
}

std::string SiteCommands::complaint() const {
  if (importer_->parsed() && asked_.import.what.empty()) {
    return "import: needs a unit, a file or a command line";
  }
  const Site& site = asked_.init.site;
  if (init_->parsed() && site.certificate.empty() != site.certificate_key.empty()) {
    return "--certificate and --certificate-key belong together";
  }
  return {};
}

}  // namespace monodon::cli
