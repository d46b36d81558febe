#include "apps/tracing.h"

#include <unistd.h>

#include "apps/open_store.h"
#include "core/scheduler.h"
#include "trace/backfill_spans.h"

namespace servo::apps {
namespace {

constexpr const char* kHeadersVariable = "OTEL_EXPORTER_OTLP_HEADERS";

}  // namespace

Result<std::unique_ptr<trace::Exporter>> start_exporter(
    const cli::Session& session, const config::Options& options, const std::string& service
) {
    if (options.text("otlp_endpoint").empty()) {
        return std::unique_ptr<trace::Exporter>();
    }
    trace::ExporterOptions to;
    to.endpoint = options.text("otlp_endpoint");
    to.headers = SERVO_TRY(
        trace::parse_otlp_headers(session.environment().variable(kHeadersVariable).value_or(""))
    );
    to.resource = {service, SERVO_VERSION, host_name() + ":" + std::to_string(getpid())};
    return trace::Exporter::start(std::move(to));
}

void trace_backfills(engine::Engine& engine, trace::Exporter& exporter) {
    engine.on_committed(
        [&exporter](const model::ChangeSet& changes, const core::Scheduler& scheduler) {
            const auto names = [&scheduler](const model::JobRow& job) {
                const auto tenant = scheduler.tenant(job.tenant);
                const auto asset = scheduler.asset(job.asset);
                return trace::BackfillNames{tenant ? tenant->name : "", asset ? asset->name : ""};
            };
            for (trace::Span& span : trace::backfill_spans(changes, names)) {
                exporter.add(std::move(span));
            }
        }
    );
}

}  // namespace servo::apps
