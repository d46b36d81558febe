#include "api/words.h"

#include "base/text.h"
#include "model/failure.h"
#include "model/job.h"

namespace servo::api {

using Words = std::vector<std::string>;

const Words& job_state_words() {
    static const Words words = [] {
        Words all;
        for (size_t i = 0; i < model::kJobStateCount; ++i) {
            all.emplace_back(model::to_string(static_cast<model::JobState>(i)));
        }
        return all;
    }();
    return words;
}

const std::string& every_job_state() {
    static const std::string states = join(job_state_words(), ",");
    return states;
}

const Words& failure_class_words() {
    static const Words words = [] {
        Words all;
        for (const model::FailureTraits& row : model::all_failure_traits()) {
            all.emplace_back(row.name);
        }
        return all;
    }();
    return words;
}

const Words& reprocess_words() {
    static const Words words = {"missing", "failed", "stale", "all"};
    return words;
}

const Words& overlap_words() {
    static const Words words = {"reject", "wait", "skip"};
    return words;
}

const Words& partition_status_words() {
    static const Words words = {"missing", "pending", "running", "completed", "failed", "skipped"};
    return words;
}

const Words& mark_words() {
    static const Words words = {"completed", "skipped", "missing"};
    return words;
}

const Words& applied_words() {
    static const Words words = {"created", "changed", "unchanged", "archived"};
    return words;
}

const Words& deadline_verdict_words() {
    static const Words words = {
        "none", "met", "missed", "on_track", "at_risk", "will_miss", "unknown"};
    return words;
}

}  // namespace servo::api
