// SPDX-License-Identifier: Apache-2.0
// monodon.yaml(5) from the table of settings.
#include <fmt/format.h>

#include "base/text/mdoc.h"
#include "master/config/docs.h"
#include "master/config/table.h"
#include "master/config/value.h"

namespace monodon::master {
namespace {

constexpr std::string_view kHead = R"(.\" SPDX-License-Identifier: Apache-2.0
.\" Made by "monodon generate man" from the table of settings; do not edit.
.Dd November 23, 2026
.Dt MONODON.YAML 5
.Os
.Sh NAME
.Nm monodon.yaml
.Nd configuration of the monodon application server
.Sh DESCRIPTION
A configuration file is YAML: one mapping from the names below to values.
Without
.Fl c
it is
.Pa monodon.yaml
in the directory the server is started in, if there is one.
A
.Pa gunicorn.conf.py
is read as well; see
.Xr monodon 8 .
A name that is unknown or given twice is an error, as is a value of the wrong
type; all problems of a file are told together, each with its line and column.
.Pp
Settings come from four sources, of which later ones win: the defaults, the
file, the environment
.Pq see Sx ENVIRONMENT ,
and the flags of
.Ic monodon serve .
.Pp
A duration is a number with a unit, ms, s, m or h; without a unit it is
seconds.
A size is a number with a unit, K, M or G, in powers of 1024; without a unit it
is bytes.
A list is a YAML list, or one text with commas.
Relative paths are meant from the
.Ic directory
of the application.
.Pp
A reload
.Pq Ic systemctl reload , No or SIGHUP to the master
reads the file again.
What a setting needs to come into force is said with it; most hold for the
workers that the reload starts.
)";

constexpr std::string_view kTail = R"(.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev MONODON_NAME
Any setting: its name in upper case, as in
.Ev MONODON_REQUEST_TIMEOUT .
.It Ev WEB_CONCURRENCY , PORT , FORWARDED_ALLOW_IPS , SENDFILE
Read as Gunicorn reads them, for
.Ic workers , bind , forwarded_allow_ips
and
.Ic sendfile ;
any of the variables above wins over them.
A monodon.yaml that says something else is overruled, with a note in the log;
a gunicorn.conf.py wins over them, as with Gunicorn.
.It Ev GUNICORN_CMD_ARGS
Flags as on the command line, which wins over them.
.It Ev VIRTUAL_ENV
The virtual environment whose interpreter runs the application.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa ./monodon.yaml
The configuration file when none is named.
.El
.Sh EXAMPLES
A Django site behind nginx, on a socket that systemd owns:
.Bd -literal -offset indent
application: mysite.wsgi:application
directory: /srv/mysite/current
workers: 3
threads: 2
access_log: /srv/mysite/logs/access.log
slow_request: 5s
.Ed
)";

std::string flags_of(const Setting& setting) {
  if (setting.key == "application") return ".Ar APP_MODULE";
  std::string text = ".Fl ";
  std::string names{setting.flags};
  const std::string own = long_flag(setting);
  if (("," + names + ",").find("," + own + ",") == std::string::npos) {
    names += (names.empty() ? "" : ",") + own;
  }
  if (setting.kind == Kind::flag || setting.kind == Kind::automatic)
    names += ",--no" + own.substr(1);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool first_dash = names[i] == '-' && (i == 0 || names[i - 1] == ',');
    if (names[i] == ',') {
      text += " , ";
    } else if (!first_dash) {
      text += names[i];
    }
  }
  return text;
}

std::string reload_of(OnReload on_reload) {
  switch (on_reload) {
    case OnReload::live:
      return "A reload applies it at once.\n";
    case OnReload::workers:
      return "";
    case OnReload::restart:
      return "A change needs a restart.\n";
  }
  return "";
}

std::string entry(const Setting& setting) {
  std::string text = fmt::format(".It Ic {}\n", setting.key);
  text += mdoc_lines(setting.doc);
  if (!setting.more.empty()) text += mdoc_lines(setting.more);
  text += ".br\n" + mdoc_lines(fmt::format("Type: {}.", describe_type(setting)));
  text += mdoc_lines(fmt::format("Default: {}", describe_default(setting)));
  text += ".br\n" + flags_of(setting) + "\n";
  if (!setting.environment.empty()) {
    text += fmt::format(".Pq also Ev {}\n", setting.environment);
  }
  const std::string reload = reload_of(setting.on_reload);
  return reload.empty() ? text : text + ".br\n" + reload;
}

}  // namespace

std::string manual_page() {
  std::string text{kHead};
  text += ".Sh SETTINGS\n";
  for (const Group& group : setting_groups()) {
    text += fmt::format(".Ss {}\n.Bl -tag -width Ds\n", group.title);
    for (const Setting& setting : group.settings) text += entry(setting);
    text += ".El\n";
  }
  return text + std::string{kTail};
}

}  // namespace monodon::master
