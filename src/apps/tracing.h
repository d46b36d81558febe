// Spans on their way out of this process, when an option says where to.
#pragma once

#include <memory>

#include "base/result.h"
#include "cli/session.h"
#include "config/options.h"
#include "engine/engine.h"
#include "trace/exporter.h"

namespace servo::apps {

// Null when tracing is off. `service`: "servo-server", "servo-executor". Errors: those of
// Exporter::start and parse_otlp_headers.
Result<std::unique_ptr<trace::Exporter>> start_exporter(
    const cli::Session& session, const config::Options& options, const std::string& service
);

// Spans of ended backfills from here on. `exporter` outlives the engine's steps.
void trace_backfills(engine::Engine& engine, trace::Exporter& exporter);

}  // namespace servo::apps
