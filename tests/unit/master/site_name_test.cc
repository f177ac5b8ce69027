// SPDX-License-Identifier: Apache-2.0
#include "master/site_name.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::master;

TEST_CASE("a site is called what the most deliberate clue says", "[site]") {
  SiteClues clues{.name = "shop",
                  .application = "mysite.wsgi:application",
                  .config_file = "/etc/monodon/blog.yaml",
                  .runtime_directory = "/run/monodon-news:/run/other",
                  .cgroups = "0::/system.slice/wiki.service\n"};
  CHECK(site_name(clues) == "shop");
  clues.name.clear();
  CHECK(site_name(clues) == "news");
  clues.runtime_directory = "/run/gunicorn";  // not ours to name a site by
  CHECK(site_name(clues) == "wiki");
  clues.cgroups = "0::/system.slice/system-monodon.slice/monodon@mail.service\n";
  CHECK(site_name(clues) == "mail");
  clues.cgroups = "0::/user.slice/user-7.slice/user@7.service/app.slice/own.service\n";
  CHECK(site_name(clues) == "own");
  clues.cgroups.clear();
  CHECK(site_name(clues) == "blog");
  clues.config_file = "/srv/x/monodon.yaml";
  CHECK(site_name(clues) == "mysite");
  clues.config_file = "/srv/x/gunicorn.conf.py";
  clues.application = "fl:app";
  CHECK(site_name(clues) == "fl");
}
