#pragma once

#include <string>

#include "orchestrator/store/record.h"

namespace orchestrator::deploy {

// For SiteRecord::adopted_task: another one means that the site's tasks are to be others. It goes
// by what the site says of them, and not by the template that becomes of it, since that changes
// with this program and its configuration, too, and tasks that were taken over outlive such
// changes.
std::string AdoptionKey(const store::SiteRecord& record);

}  // namespace orchestrator::deploy
