#include "trace/backfill_spans.h"

#include <algorithm>

#include "model/job_id.h"

namespace servo::trace {
namespace {

using model::JobRow;
using model::JobState;

Span span_of_backfill(
    const JobRow& job, const BackfillNames& names, const model::JobCheckpoint* checkpoint
) {
    Span span;
    span.trace = model::trace_of(job.id, job.traceparent);
    span.id = model::span_of(job.id, job.generation);
    if (const auto caller = model::parse_traceparent(job.traceparent)) {
        span.parent = caller->span;
    }
    span.name = "backfill";
    span.start = job.created_at;
    span.duration = std::max(Millis(0), *job.completed_at - job.created_at);
    span.failed = job.state == JobState::kFailed;
    span.attributes = {
        {"servo.backfill_id", model::to_text(job.id)},
        {"servo.tenant_id", names.tenant},
        {"servo.asset_name", names.asset},
        {"servo.asset_revision", int64_t{job.revision}},
        {"servo.state", std::string(model::to_string(job.state))},
        {"servo.generation", int64_t{job.generation}},
        {"servo.partitions", static_cast<int64_t>(job.total())},
    };
    if (checkpoint != nullptr) {
        const auto failed = static_cast<int64_t>(checkpoint->counters.failed);
        span.attributes.emplace_back("servo.partitions_failed", failed);
        if (failed > 0) {
            span.message = std::to_string(failed) + " partitions failed";
        }
    }
    return span;
}

}  // namespace

std::vector<Span> backfill_spans(
    const model::ChangeSet& changes, const std::function<BackfillNames(const model::JobRow&)>& names
) {
    std::vector<Span> spans;
    for (const JobRow& job : changes.jobs) {
        if (!model::is_terminal(job.state) || !job.completed_at ||
            !model::trace_recorded(job.traceparent)) {
            continue;
        }
        const auto checkpoint = std::find_if(
            changes.checkpoints.begin(),
            changes.checkpoints.end(),
            [&job](const model::JobCheckpoint& one) { return one.job == job.id; }
        );
        spans.push_back(span_of_backfill(
            job, names(job), checkpoint == changes.checkpoints.end() ? nullptr : &*checkpoint
        ));
    }
    return spans;
}

}  // namespace servo::trace
