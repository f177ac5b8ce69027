// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/site/site_files.h"

namespace monodon::cli {

// Fills what was not said with what the machine and the application tell: names,
// owners, nginx's user, Django's directories, a certificate. Imports the settings of
// Django in a process of its own. What could not be found out is noted on stderr.
void complete_site(Site& site);

}  // namespace monodon::cli
