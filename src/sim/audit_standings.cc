// The auditor's account of where each partition of an asset stands, and of who owns it: last
// outcomes from the log of results and marks, one partition after the other, without the
// checkpoints with which the product writes its materialised state.
#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "sim/auditor.h"

namespace servo::sim {
namespace {

constexpr const char* kOverlap = "overlap";

}  // namespace

void Auditor::note_standing(
    const BatchView& view, const JobRow& job, Index index, model::Outcome outcome
) {
    // A job that is moved to another revision holds no lease: its results of this batch were
    // before.
    const int revision = view.touched.at(job.id).revision_before;
    Standing& standing = a_.standings[job.asset][job.ordinals->at(index)];
    const bool made = standing.made || outcome == model::Outcome::kSucceeded;
    standing = {outcome, job.id, revision, made};
}

// A mark is refused while a job has the partition to do: results of the same batch were before.
void Auditor::apply_marks(const BatchView& view) {
    for (const MaterialisedChange& change : view.changes.materialised) {
        if (change.job) {
            continue;
        }
        const AssetHead& asset = a_.assets.at(change.asset);
        marks_.emplace_back(asset.name, change);
        for (const OrdinalRun& run : change.ordinals) {
            for (Ordinal ordinal = run.first; ordinal <= run.last(); ordinal += run.stride) {
                const bool made = change.outcome == model::Outcome::kSucceeded;
                a_.standings[change.asset][ordinal] = {
                    change.outcome, JobId{}, change.revision, made};
            }
        }
    }
}

void Auditor::expect_mark(const core::MarkPartitions& command) {
    expect_event("partition.marked", command.asset);
    const auto found = std::find_if(marks_.begin(), marks_.end(), [&](const auto& mark) {
        return mark.first == command.asset && mark.second.ordinals == command.ordinals &&
               mark.second.outcome == command.outcome &&
               a_.tenants.at(mark.second.tenant).name == command.tenant;
    });
    if (found == marks_.end()) {
        fail("I6", "a mark of " + command.asset + " was answered and is not in the log");
        return;
    }
    marks_.erase(found);
}

// --- owners ----------------------------------------------------------------------------------

// After each batch that changed who owns what.
void Auditor::check_owners(const BatchView& view) {
    std::set<AssetId> changed;
    for (const auto& [id, touched] : view.touched) {
        const JobAccount& job = a_.jobs.at(id);
        if (touched.fresh) {
            check_new_owner(view, job);
        }
        if (touched.fresh || job.row.generation != touched.generation_before ||
            job.row.waits_for != touched.waits_before) {
            changed.insert(job.row.asset);
        }
        if (is_terminal(job.row.state) && touched.before != job.row.state) {
            changed.insert(job.row.asset);  // others may have waited for it
        }
    }
    for (const AssetId asset : changed) {
        check_sole_owners(asset);
    }
}

// What a new job shares with those that are open it waits for, or leaves to them.
void Auditor::check_new_owner(const BatchView& view, const JobAccount& job) {
    const std::string id = to_text(job.row.id);
    const JobId blocker = job.row.waits_for;
    if (blocker && job.row.overlap != OverlapPolicy::kWait) {
        fail(kOverlap, id + " waits for another job and was not asked to");
    }
    if (!job.skipped.empty() && job.row.overlap != OverlapPolicy::kSkip) {
        fail(kOverlap, id + " leaves partitions out and was not asked to");
    }
    struct Rival {
        const JobAccount& job;
        bool fresh = false;    // came in this batch, perhaps later
        bool changed = false;  // may have had more to do when this one came
    };
    std::vector<Rival> rivals;
    for (const auto& [other_id, other] : a_.jobs) {
        const auto touched = view.touched.find(other_id);
        const bool changed = touched != view.touched.end();
        if (other_id != job.row.id && other.row.asset == job.row.asset &&
            (changed || !is_terminal(other.row.state))) {
            rivals.push_back({other, changed && touched->second.fresh, changed});
        }
    }
    for (Index index = 0; index < job.row.total(); ++index) {
        const Ordinal ordinal = job.row.ordinals->at(index);
        bool open = false;    // a rival that was there before has it to do
        bool before = false;  // or may have had
        for (const Rival& rival : rivals) {
            const auto place = rival.job.row.ordinals->index_of(ordinal);
            const bool to_do = place && rival.job.remaining.contains(*place);
            open = open || (to_do && !rival.fresh);
            before = before || to_do || (place && rival.changed);
        }
        if (job.skipped.contains(index) && !before) {
            fail(kOverlap, fmt::format("{} leaves out ordinal {}, which nobody owns", id, ordinal));
        }
        if (job.remaining.contains(index) && open && !blocker) {
            fail(kOverlap, fmt::format("{} takes ordinal {}, which is another's", id, ordinal));
        }
    }
}

// Of two open jobs with a partition one waits, and for a job that is open.
void Auditor::check_sole_owners(AssetId asset) {
    std::map<Ordinal, JobId> owners;
    for (const auto& [id, job] : a_.jobs) {
        if (job.row.asset != asset || is_terminal(job.row.state)) {
            continue;
        }
        if (const JobId blocker = job.row.waits_for) {
            const auto other = a_.jobs.find(blocker);
            if (other == a_.jobs.end() || is_terminal(other->second.row.state)) {
                fail(kOverlap, to_text(id) + " waits for a job that is not open");
            }
            continue;
        }
        for (const Run& run : job.remaining.runs()) {
            for (Index index = run.first; index < run.end; ++index) {
                const Ordinal ordinal = job.row.ordinals->at(index);
                const auto [owner, sole] = owners.emplace(ordinal, id);
                if (!sole) {
                    fail(
                        kOverlap,
                        fmt::format(
                            "ordinal {} is owned by {} and by {}",
                            ordinal,
                            to_text(owner->second),
                            to_text(id)
                        )
                    );
                    return;
                }
            }
        }
    }
}

}  // namespace servo::sim
