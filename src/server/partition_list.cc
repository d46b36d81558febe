#include "server/partition_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/words.h"
#include "base/suggest.h"
#include "base/text.h"
#include "engine/partition_sets.h"
#include "model/job_id.h"
#include "server/ask_memory.h"
#include "server/partition_views.h"
#include "server/selection.h"

namespace servo::server {
namespace {

using namespace model;
using engine::both;
using engine::OpenOwner;
using engine::PartitionSets;
using engine::translate;

constexpr int kDonePerRead = 10'000;
constexpr std::string_view kTokenPrefix = "p";

Result<std::vector<std::string>> words_of(
    const std::string& text, const std::vector<std::string>& known, const char* parameter
) {
    std::vector<std::string> out;
    if (text.empty()) {
        return out;
    }
    for (const std::string& word : split(text, ',')) {
        if (std::find(known.begin(), known.end(), word) == known.end()) {
            return fail(invalid_argument(
                fmt::format("bad_{}", parameter),
                fmt::format(
                    "{}: \"{}\" is not one of {}.{}",
                    parameter,
                    word,
                    join(known, ", "),
                    did_you_mean(word, known)
                )
            ));
        }
        out.push_back(word);
    }
    return out;
}

// The token is the ordinal after which the next page begins: it holds while partitions come and go.
Result<std::optional<Ordinal>> place_of_token(const std::string& token) {
    if (token.empty()) {
        return std::optional<Ordinal>();
    }
    const auto number = token.starts_with(kTokenPrefix)
                            ? parse_integer(token.substr(kTokenPrefix.size()), INT64_MIN, INT64_MAX)
                            : fail(invalid_argument("bad_page_token", ""));
    if (!number) {
        return fail(
            invalid_argument("bad_page_token", "page_token is not one that this list gave out.")
        );
    }
    return std::optional<Ordinal>(*number);
}

// First index of the view whose ordinal lies beyond `after`.
Index index_after(const OrdinalView& all, Ordinal after) {
    Index low = 0;
    Index high = all.size();
    while (low < high) {
        const Index middle = low + (high - low) / 2;
        if (all.at(middle) <= after) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// Rows of jobs and their failures by class, read once per list.
class JobCache {
 public:
    explicit JobCache(store::History& history) : history_(history) {}

    Result<std::shared_ptr<const OrdinalView>> ordinals(JobId id) {
        const auto known = ordinals_.find(id);
        if (known != ordinals_.end()) {
            return known->second;
        }
        const auto item = SERVO_TRY(history_.job(id));
        return ordinals_[id] = item ? item->row.ordinals : nullptr;
    }

 private:
    store::History& history_;
    std::map<JobId, std::shared_ptr<const OrdinalView>> ordinals_;
};

// The failed ones whose last attempt ended in one of the classes.
Result<RunSet> failed_of_classes(
    Call& call, const PartitionSets& sets, const std::vector<std::string>& classes, JobCache& jobs
) {
    RunSet out;
    for (const auto& [job, indices] : sets.settled_by_job) {
        if (!job || both(indices, sets.failed).empty()) {
            continue;
        }
        const auto ordinals = SERVO_TRY(jobs.ordinals(job));
        if (!ordinals) {
            continue;
        }
        const auto by_class = SERVO_TRY(call.history->failed_by_class(job));
        for (const auto& [klass, failed] : by_class) {
            if (std::find(classes.begin(), classes.end(), to_string(klass)) != classes.end()) {
                out.add(both(translate(*ordinals, failed, sets.all), indices));
            }
        }
    }
    return both(out, sets.failed);
}

class Renderer {
 public:
    Renderer(
        Call& call, const AssetRef& asset, const PartitionSets& sets, JobCache& jobs, Names names
    )
        : call_(call), asset_(asset), sets_(sets), jobs_(jobs), names_(std::move(names)) {}

    Result<api::Partition> render(Index index) {
        const Ordinal ordinal = sets_.all.at(index);
        const PartitionInfo info = SERVO_TRY(asset_.revision->scheme->describe(ordinal));
        api::Partition out;
        out.key = info.key;
        out.tenant_id = asset_.tenant.name;
        out.asset_name = asset_.head.name;
        if (info.window) {
            out.start = info.start_text;
            out.end = info.end_text;
        }
        for (const OpenOwner& owner : sets_.owners) {
            const auto at = owner.ordinals().index_of(ordinal);
            if (at && owner.checkpoint.remaining.contains(*at)) {
                out.status = sets_.running.contains(index) ? "running" : "pending";
                out.backfill_id = to_text(owner.view.row.id);
                return out;
            }
            // What a checkpoint has is in the materialised state, with the revision that made it.
            const bool fresh =
                at && (owner.unwritten.done.contains(*at) || owner.unwritten.failed.contains(*at));
            const bool done = sets_.completed.contains(index) || sets_.failed.contains(index);
            if (fresh && done && sets_.settled_by_job.at(owner.view.row.id).contains(index)) {
                SERVO_CHECK(settled_by(owner, *at, sets_.completed.contains(index), out));
                return out;
            }
        }
        const auto states =
            SERVO_TRY(call_.history->partition_states(asset_.head.id, ordinal, ordinal, 1));
        if (states.empty()) {
            out.status = "missing";
            return out;
        }
        SERVO_CHECK(settled(states.front(), ordinal, out));
        return out;
    }

 private:
    Status settled(const store::History::StateRun& state, Ordinal ordinal, api::Partition& out) {
        out.status = status_word(state.outcome);
        out.asset_revision = state.revision;
        out.at = state.at;
        if (!state.job) {
            return {};
        }
        out.backfill_id = to_text(state.job);
        const auto ordinals = SERVO_TRY(jobs_.ordinals(state.job));
        const auto index = ordinals ? ordinals->index_of(ordinal) : std::nullopt;
        if (!index) {
            return {};
        }
        if (state.outcome == Outcome::kSucceeded) {
            return fill_done(*call_.history, names_, state.job, *index, out);
        }
        return fill_failure(*call_.history, names_, state.job, *index, out);
    }

    // By an open job, perhaps so lately that the materialised state does not tell yet.
    Status settled_by(const OpenOwner& owner, Index at, bool completed, api::Partition& out) {
        out.status = completed ? "completed" : "failed";
        out.asset_revision = owner.view.row.revision;
        out.backfill_id = to_text(owner.view.row.id);
        const auto fill = completed ? fill_done : fill_failure;
        return fill(*call_.history, names_, owner.view.row.id, at, out);
    }

    Call& call_;
    const AssetRef& asset_;
    const PartitionSets& sets_;
    JobCache& jobs_;
    Names names_;
};

using Measure = int64_t (*)(const DoneEntry&);

Result<Measure> measure_of(const std::string& sort) {
    if (sort == "rows") {
        return [](const DoneEntry& entry) { return entry.rows; };
    }
    if (sort == "bytes") {
        return [](const DoneEntry& entry) { return entry.bytes; };
    }
    if (sort == "duration") {
        return [](const DoneEntry& entry) { return static_cast<int64_t>(entry.duration.count()); };
    }
    const std::vector<std::string> known = {"rows", "bytes", "duration"};
    return fail(invalid_argument(
        "bad_sort",
        fmt::format(
            "sort: \"{}\" is not one of {}.{}", sort, join(known, ", "), did_you_mean(sort, known)
        )
    ));
}

struct Measured {
    int64_t value = 0;
    Index index = 0;  // of the list's view
};

// The `limit` largest completed partitions, largest first.
Result<std::vector<Index>> largest(
    Call& call, const PartitionSets& sets, Measure measure, size_t limit, JobCache& jobs
) {
    const auto larger = [](const Measured& a, const Measured& b) {
        return a.value != b.value ? a.value > b.value : a.index < b.index;
    };
    std::vector<Measured> top;  // a heap whose front is the smallest kept
    int looked_at = 0;
    for (const auto& [job, settled] : sets.settled_by_job) {
        const RunSet wanted = both(settled, sets.completed);
        const auto ordinals = job && !wanted.empty() ? SERVO_TRY(jobs.ordinals(job)) : nullptr;
        if (!ordinals) {
            continue;
        }
        const RunSet of_job = translate(sets.all, wanted, *ordinals);
        for (const Run& run : of_job.runs()) {
            for (Run rest = run; rest.first < rest.end;) {
                const auto done = SERVO_TRY(call.history->done(job, rest, kDonePerRead));
                looked_at += static_cast<int>(done.size());
                if (looked_at > kDoneScannedMax) {
                    return fail(resource_exhausted(
                        "too_many_partitions",
                        fmt::format(
                            "A sorted list looks at {} partitions at most; narrow it with start "
                            "and end.",
                            kDoneScannedMax
                        )
                    ));
                }
                for (const DoneEntry& entry : done) {
                    const auto index = sets.all.index_of(ordinals->at(entry.index));
                    if (!index || measure(entry) < 0) {
                        continue;
                    }
                    top.push_back({measure(entry), *index});
                    std::push_heap(top.begin(), top.end(), larger);
                    if (top.size() > limit) {
                        std::pop_heap(top.begin(), top.end(), larger);
                        top.pop_back();
                    }
                }
                rest.first = done.size() < kDonePerRead ? rest.end : done.back().index + 1;
            }
        }
    }
    std::sort(top.begin(), top.end(), larger);
    std::vector<Index> out;
    for (const Measured& item : top) {
        out.push_back(item.index);
    }
    return out;
}

struct Filters {
    std::vector<std::string> statuses;
    std::vector<std::string> classes;
    std::string sort;
    std::optional<Ordinal> after;
    size_t limit = 0;
};

// What a list cannot keep to is refused, not left out. Only failed partitions have a class; only
// completed ones have a measure, and of them one page is given.
Status check_together(const Filters& filters) {
    const auto asks_for = [&filters](std::string_view status) {
        const std::vector<std::string>& all = filters.statuses;
        return all.empty() || std::find(all.begin(), all.end(), status) != all.end();
    };
    const bool sorted = !filters.sort.empty();
    const bool of_completed =
        filters.classes.empty() && filters.statuses.size() <= 1 && asks_for("completed");
    std::string problem;
    if (!filters.classes.empty() && !asks_for("failed")) {
        problem = "Only failed partitions have a class: leave out status, or say status=failed.";
    } else if (sorted && !of_completed) {
        problem =
            "sort measures completed partitions: leave out class, and status or say "
            "status=completed.";
    } else if (sorted && filters.after) {
        problem = "A sorted list is one page: leave out page_token; limit says how long it is.";
    }
    return problem.empty() ? Status{} : fail(invalid_argument("filters_clash", problem));
}

Result<Filters> filters_of(Call& call) {
    Filters out;
    out.statuses =
        SERVO_TRY(words_of(call.query_value("status"), api::partition_status_words(), "status"));
    out.classes =
        SERVO_TRY(words_of(call.query_value("class"), api::failure_class_words(), "class"));
    out.sort = call.query_value("sort");
    out.after = SERVO_TRY(place_of_token(call.query_value("page_token")));
    out.limit = static_cast<size_t>(SERVO_TRY(call.limit()));
    SERVO_CHECK(check_together(out));
    return out;
}

Result<RunSet> wanted_set(
    Call& call, const Filters& filters, const PartitionSets& sets, JobCache& jobs
) {
    if (!filters.classes.empty()) {
        return failed_of_classes(call, sets, filters.classes, jobs);
    }
    RunSet out;
    if (filters.statuses.empty() && sets.all.size() > 0) {
        out.add(Run{0, sets.all.size()});
    }
    for (const std::string& status : filters.statuses) {
        out.add(sets.of(status));
    }
    return out;
}

}  // namespace

Result<api::List<api::Partition>> list_partitions(Call& call, const AssetRef& asset) {
    const Filters filters = SERVO_TRY(filters_of(call));
    Selection selection;
    selection.start = call.query_value("start");
    selection.end = call.query_value("end");
    Resolved resolved = SERVO_TRY(asset.revision->scheme->resolve(selection, call.backend.now()));
    const Index from =
        filters.after ? index_after(OrdinalView(resolved.ordinals), *filters.after) : 0;
    const PartitionSets sets = SERVO_TRY(engine::partition_sets(
        *call.history, asset.head, std::move(resolved.ordinals), from, ask_jobs(call)
    ));
    JobCache jobs(*call.history);
    std::vector<Index> indices;
    api::List<api::Partition> out;
    if (!filters.sort.empty()) {
        const Measure measure = SERVO_TRY(measure_of(filters.sort));
        indices = SERVO_TRY(largest(call, sets, measure, filters.limit, jobs));
    } else {
        RunSet wanted = SERVO_TRY(wanted_set(call, filters, sets, jobs));
        wanted.subtract(Run{0, from});
        const RunSet page = wanted.take_front(filters.limit, filters.limit);
        for (const Run& run : page.runs()) {
            for (Index index = run.first; index < run.end; ++index) {
                indices.push_back(index);
            }
        }
        if (!wanted.empty() && !indices.empty()) {
            out.next_page_token = fmt::format("{}{}", kTokenPrefix, sets.all.at(indices.back()));
        }
    }
    Renderer renderer(call, asset, sets, jobs, SERVO_TRY(read_names(call.backend)));
    for (const Index index : indices) {
        out.items.push_back(SERVO_TRY(renderer.render(index)));
    }
    return out;
}

}  // namespace servo::server
