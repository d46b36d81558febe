// How an explanation ("why is it not running?") looks. Used by backfill and partition.
#pragma once

#include "api/backfill.h"
#include "cli/session.h"

namespace servo::cli {

std::string explanation_text(Session& session, const api::Explanation& answer);
void print_explanation(Session& session, const api::Explanation& answer);

}  // namespace servo::cli
