// What this server's metrics are worth now (src/metrics declares them). Thread-safe; blocks while
// the engine answers, so not for the io thread.
#pragma once

#include "metrics/page.h"
#include "server/backend.h"
#include "server/http_meter.h"

namespace servo::server {

// Looks at the scheduler in slices of at most kJobsPerLook jobs between two batches each, so that a
// scrape never holds the engine for longer than a live read may. What belongs to the leader alone
// is left out where this server does not lead or cannot be read.
constexpr int kJobsPerLook = 500;
metrics::Page metrics_page(Backend& backend, const HttpMeter& http);

}  // namespace servo::server
