// The weekly review as people read it. Pure.
#pragma once

#include "api/review.h"
#include "report/document.h"

namespace servo::cli {

report::Document report_document(const api::Report& report);

}  // namespace servo::cli
