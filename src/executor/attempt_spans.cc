#include "executor/attempt_spans.h"

#include <algorithm>
#include <type_traits>

#include "model/job_id.h"

namespace servo::executor {
namespace {

std::string key_at(const Part& part, uint64_t position) {
    if (part.program->scheme) {
        const auto info = part.program->scheme->describe(part.ordinals[part.offset_of(position)]);
        if (info) {
            return info->key;
        }
    }
    return std::to_string(part.indices[part.offset_of(position)]);
}

}  // namespace

std::shared_ptr<const Program> AttemptSpans::program_of(const FeedSlot& feed) {
    const std::pair revision(feed.grant.asset, feed.grant.revision);
    const auto known = programs_.find(revision);
    if (known != programs_.end()) {
        return known->second;
    }
    if (programs_.size() >= kTracedProgramsMax) {
        programs_.clear();
    }
    auto program = std::make_shared<Program>(*make_program(*feed.definition, ""));
    if (!program->scheme) {  // a synthetic one runs without; its spans have keys all the same
        auto scheme = model::PartitionScheme::compile(program->definition.spec.partitions);
        program->scheme = scheme ? *std::move(scheme) : nullptr;
    }
    return programs_[revision] = std::move(program);
}

void AttemptSpans::fed(const FeedSlot& feed) {
    if (!model::trace_recorded(feed.grant.traceparent)) {
        return ended(feed.slot);
    }
    auto part = make_part(feed.first_position, feed.grant, program_of(feed));
    if (!part) {
        return;  // nor will the slot run it
    }
    Stretch& stretch = slots_[feed.slot];
    if (stretch.lease != feed.grant.lease || stretch.parts.empty()) {
        close(stretch);
        stretch.lease = feed.grant.lease;
        stretch.first_position = feed.first_position;
        stretch.grant = feed.grant;
        stretch.asset = feed.definition->spec.name;
    }
    stretch.parts.push_back(*std::move(part));
}

const Part* AttemptSpans::part_at(Stretch& stretch, uint64_t position) {
    while (!stretch.parts.empty() && stretch.parts.front()->end_position() <= position) {
        stretch.parts.pop_front();
    }
    const bool in = !stretch.parts.empty() && stretch.parts.front()->first_position <= position;
    return in ? stretch.parts.front().get() : nullptr;
}

template <typename Outcome>
void AttemptSpans::add_attempt(Stretch& stretch, const Outcome& outcome) {
    const Part* part = part_at(stretch, outcome.position);
    if (part == nullptr) {
        return;
    }
    const model::Grant& grant = part->grant;
    trace::Span span;
    span.trace = model::trace_of(grant.job, grant.traceparent);
    span.id = model::span_of_attempt(part->token_of(outcome.position));
    span.parent = model::span_of(stretch.lease, stretch.first_position);
    span.name = "attempt";
    span.start = outcome.started_at;
    span.duration = outcome.duration;
    span.attributes = {
        {"servo.backfill_id", model::to_text(grant.job)},
        {"servo.tenant_id", grant.tenant_name},
        {"servo.asset_name", part->program->definition.spec.name},
        {"servo.partition_key", key_at(*part, outcome.position)},
        {"servo.attempt", int64_t{grant.attempt}},
    };
    if constexpr (std::is_same_v<Outcome, model::FailedResult>) {
        span.failed = true;
        span.message = outcome.message;
        span.attributes.emplace_back(
            "servo.failure_class", std::string(model::to_string(outcome.klass))
        );
        span.attributes.emplace_back("servo.exit_code", int64_t{outcome.exit_code});
    }
    ++stretch.attempts;
    stretch.failed += span.failed ? 1 : 0;
    stretch.start = std::min(stretch.start, span.start);
    const auto took = std::chrono::ceil<Millis>(span.duration);
    stretch.end = std::max(stretch.end, span.start + took);
    sink_(std::move(span));
}

void AttemptSpans::reported(int slot, const SlotProgress& progress) {
    const auto at = slots_.find(slot);
    if (at == slots_.end() || at->second.lease != progress.lease) {
        return;
    }
    Stretch& stretch = at->second;
    // Both lists ascend; parts are let go as positions pass, so the two are walked as one.
    auto done = progress.results.done.begin();
    auto failed = progress.results.failed.begin();
    while (done != progress.results.done.end() || failed != progress.results.failed.end()) {
        const bool next_is_done =
            failed == progress.results.failed.end() ||
            (done != progress.results.done.end() && done->position < failed->position);
        if (next_is_done) {
            add_attempt(stretch, *done++);
        } else {
            add_attempt(stretch, *failed++);
        }
    }
    const uint64_t reported_to = stretch.first_position + static_cast<uint64_t>(stretch.attempts);
    if (!stretch.parts.empty() && stretch.parts.back()->end_position() <= reported_to) {
        ended(slot);
    }
}

void AttemptSpans::close(Stretch& stretch) {
    if (stretch.attempts > 0) {
        trace::Span span;
        span.trace = model::trace_of(stretch.grant.job, stretch.grant.traceparent);
        span.id = model::span_of(stretch.lease, stretch.first_position);
        span.parent = model::span_of(stretch.grant.job, stretch.grant.generation);
        span.name = "lease";
        span.start = stretch.start;
        span.duration = std::max(Millis(0), stretch.end - stretch.start);
        span.attributes = {
            {"servo.backfill_id", model::to_text(stretch.grant.job)},
            {"servo.tenant_id", stretch.grant.tenant_name},
            {"servo.asset_name", stretch.asset},
            {"servo.executor", executor_},
            {"servo.attempts", stretch.attempts},
            {"servo.attempts_failed", stretch.failed},
        };
        sink_(std::move(span));
    }
    stretch = {};
}

void AttemptSpans::ended(int slot) {
    if (const auto at = slots_.find(slot); at != slots_.end()) {
        close(at->second);
        slots_.erase(at);
    }
}

void AttemptSpans::all_ended() {
    for (auto& [slot, stretch] : slots_) {
        close(stretch);
    }
    slots_.clear();
}

}  // namespace servo::executor
