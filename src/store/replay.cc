#include "store/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "model/job_id.h"

namespace servo::store {

Replay::Replay(const JobRow& job, JobCheckpoint stored)
    : covers_seq_(stored.covers_seq),
      cancelling_(job.state == JobState::kCancelling),
      checkpoint_(std::move(stored)) {}

void Replay::add_done(int64_t seq, const std::vector<DoneEntry>& entries) {
    if (seq <= covers_seq_) {
        return;
    }
    RunSet indices;
    for (const DoneEntry& entry : entries) {
        indices.add(entry.index);
        checkpoint_.counters.busy_us += entry.duration.count();
    }
    checkpoint_.counters.completed += entries.size();
    checkpoint_.counters.attempts_completed += entries.size();
    checkpoint_.remaining.subtract(indices);
    done_after_.add(indices);
    checkpoint_.covers_seq = std::max(checkpoint_.covers_seq, seq);
}

void Replay::add_failure(int64_t seq, const FailureRow& row) {
    if (seq <= covers_seq_) {
        return;
    }
    JobCounters& counters = checkpoint_.counters;
    ++counters.attempts_failed[static_cast<size_t>(row.klass)];
    counters.wasted_us += (row.ended_at - row.started_at).count() * 1'000;
    if (row.final) {
        checkpoint_.remaining.subtract(row.index);
        checkpoint_.failed.add(row.index);
        failed_after_.add(row.index);
        ++counters.failed;
    } else if (cancelling_) {
        checkpoint_.remaining.subtract(row.index);
        checkpoint_.cancelled.add(row.index);
        ++counters.cancelled;
    }
    checkpoint_.covers_seq = std::max(checkpoint_.covers_seq, seq);
}

RunSet unreported(const GrantRow& grant, const RunSet& finished, const FailedTokens& failed) {
    RunSet left = grant.indices;
    left.subtract(finished);
    const Token end = grant.token_base + static_cast<Token>(grant.indices.size());
    for (auto it = failed.lower_bound(grant.token_base); it != failed.end() && it->first < end;
         ++it) {
        left.subtract(it->second);
    }
    return left;
}

JobCheckpoint untouched(const JobRow& job) {
    JobCheckpoint checkpoint;
    checkpoint.job = job.id;
    checkpoint.remaining.add(Run{0, job.total()});
    return checkpoint;
}

Result<std::vector<DoneEntry>> sorted_block(std::vector<DoneEntry> entries, uint64_t block) {
    const auto before = [](const DoneEntry& a, const DoneEntry& b) { return a.index < b.index; };
    if (!std::is_sorted(entries.begin(), entries.end(), before)) {
        std::sort(entries.begin(), entries.end(), before);
    }
    const auto same = [](const DoneEntry& a, const DoneEntry& b) { return a.index == b.index; };
    const bool repeated = std::adjacent_find(entries.begin(), entries.end(), same) != entries.end();
    const bool outside = !entries.empty() && (entries.front().index / kDoneBlockSize != block ||
                                              entries.back().index / kDoneBlockSize != block);
    const auto negative = [](const DoneEntry& entry) { return entry.duration.count() < 0; };
    if (repeated || outside || std::any_of(entries.begin(), entries.end(), negative)) {
        return fail(internal(
            "bad_done_entries",
            fmt::format(
                "Done entries of block {} repeat an index, lie outside it or last less than "
                "nothing.",
                block
            )
        ));
    }
    return entries;
}

JobCheck::JobCheck(const JobRow& job, Replay exact)
    : job_(job), done_after_(exact.done_after()), exact_(exact.take()) {}

void JobCheck::add_done(uint64_t block, const std::vector<DoneEntry>& entries) {
    for (const DoneEntry& entry : entries) {
        if (entry.index / kDoneBlockSize != block || entry.index >= job_.total()) {
            ++outside_;
        } else if (done_.contains(entry.index)) {
            repeated_.add(entry.index);
        } else {
            done_.add(entry.index);
        }
    }
}

void JobCheck::add_failure(const FailureRow& row) {
    newest_final_[row.index] = row.final;
    failed_tokens_[row.token] = row.index;
}

void JobCheck::add_grant(const GrantRow& row) {
    grants_.push_back(row);
}

std::vector<std::string> JobCheck::findings() const {
    std::vector<std::string> out;
    const std::string name = to_text(job_.id);
    if (outside_ > 0) {
        out.push_back(fmt::format("Job {}: {} done entries lie outside its blocks.", name, outside_)
        );
    }
    if (!repeated_.empty()) {
        out.push_back(fmt::format(
            "Job {}: {} partitions are recorded as done more than once, the first is index {}.",
            name,
            repeated_.size(),
            repeated_.at(0)
        ));
    }
    check_row(out);
    check_cover(out);
    check_counters(out);
    check_grants(out);
    if (out.size() > kFindingsMax) {
        out.resize(kFindingsMax);
    }
    return out;
}

JobFacts JobCheck::facts() const {
    RunSet recorded = done_;
    recorded.subtract(done_after_);
    return {job_.asset, job_.ordinals, done_, exact_.failed, exact_.skipped, std::move(recorded)};
}

void JobCheck::check_row(std::vector<std::string>& out) const {
    const std::string name = to_text(job_.id);
    const int priority = job_.settings.priority;
    if (priority < kPriorityMin || priority > kPriorityMax) {
        out.push_back(fmt::format(
            "Job {}: its priority is {}, not from {} to {}.",
            name,
            priority,
            kPriorityMin,
            kPriorityMax
        ));
    }
    const bool over = is_terminal(job_.state);
    if (over != exact_.remaining.empty()) {
        out.push_back(fmt::format(
            "Job {} is {} and has {} partitions to do.",
            name,
            to_string(job_.state),
            over ? fmt::format("{}", exact_.remaining.size()) : "no"
        ));
    }
    if (over != job_.completed_at.has_value()) {
        out.push_back(fmt::format(
            "Job {} is {} and has {} time of its end.",
            name,
            to_string(job_.state),
            over ? "no" : "a"
        ));
    }
}

void JobCheck::check_cover(std::vector<std::string>& out) const {
    const std::string name = to_text(job_.id);
    const std::pair<const char*, const RunSet*> parts[] = {
        {"remaining", &exact_.remaining},
        {"done", &done_},
        {"failed", &exact_.failed},
        {"skipped", &exact_.skipped},
        {"cancelled", &exact_.cancelled},
    };
    RunSet all;
    uint64_t sum = 0;
    for (const auto& [label, set] : parts) {
        const uint64_t before = all.size();
        all.add(*set);
        sum += set->size();
        if (all.size() != before + set->size()) {
            out.push_back(fmt::format(
                "Job {}: {} of its \"{}\" partitions are in another state as well.",
                name,
                before + set->size() - all.size(),
                label
            ));
        }
    }
    if (sum == all.size() && all != RunSet(Run{0, job_.total()})) {
        RunSet missing(Run{0, job_.total()});
        missing.subtract(all);
        out.push_back(fmt::format(
            "Job {}: its states cover {} of {} partitions; index {} is in none.",
            name,
            all.size(),
            job_.total(),
            missing.empty() ? job_.total() : missing.at(0)
        ));
    }
    for (const Run& run : exact_.failed.runs()) {
        for (Index index = run.first; index < run.end; ++index) {
            const auto it = newest_final_.find(index);
            if (it != newest_final_.end() && !it->second) {
                out.push_back(fmt::format(
                    "Job {}: index {} counts as failed, but its last failure was to be retried.",
                    name,
                    index
                ));
                return;
            }
        }
    }
}

void JobCheck::check_counters(std::vector<std::string>& out) const {
    const JobCounters& c = exact_.counters;
    const struct {
        const char* label;
        uint64_t counted;
        uint64_t stored;
    } rows[] = {
        {"completed", done_.size(), c.completed},
        {"failed", exact_.failed.size(), c.failed},
        {"skipped", exact_.skipped.size(), c.skipped},
        {"cancelled", exact_.cancelled.size(), c.cancelled},
        {"attempts_completed", done_.size(), c.attempts_completed},
    };
    for (const auto& row : rows) {
        if (row.counted != row.stored) {
            out.push_back(fmt::format(
                "Job {}: the counter \"{}\" says {}, a recount says {}.",
                to_text(job_.id),
                row.label,
                row.stored,
                row.counted
            ));
        }
    }
}

void JobCheck::check_grants(std::vector<std::string>& out) const {
    const std::string name = to_text(job_.id);
    if (is_terminal(job_.state) && !grants_.empty()) {
        out.push_back(fmt::format(
            "Job {} is {} and still has {} leases.", name, to_string(job_.state), grants_.size()
        ));
    }
    RunSet leased;
    for (const GrantRow& grant : grants_) {
        const RunSet live = unreported(grant, done_, failed_tokens_);
        RunSet foreign = live;
        foreign.subtract(exact_.remaining);
        if (!foreign.empty()) {
            out.push_back(fmt::format(
                "Job {}: lease {} holds index {}, which is not to be done.",
                name,
                grant.lease.value,
                foreign.at(0)
            ));
        }
        const uint64_t before = leased.size();
        leased.add(live);
        if (leased.size() != before + live.size()) {
            out.push_back(fmt::format(
                "Job {}: lease {} holds partitions that another lease holds as well.",
                name,
                grant.lease.value
            ));
        }
    }
}

void ChainCheck::add(int64_t epoch, int64_t seq, Instant now) {
    if (seq_ != 0 && findings_.size() < JobCheck::kFindingsMax) {
        if (seq != seq_ + 1) {
            findings_.push_back(fmt::format("The chain of batches jumps from {} to {}.", seq_, seq)
            );
        }
        if (epoch < epoch_) {
            findings_.push_back(
                fmt::format("Batch {} belongs to an older epoch than {}.", seq, seq_)
            );
        }
        if (now < now_) {
            findings_.push_back(fmt::format("Batch {} is older in time than batch {}.", seq, seq_));
        }
    }
    epoch_ = epoch;
    seq_ = seq;
    now_ = now;
}

std::vector<std::string> ChainCheck::findings(int64_t leader_epoch) const {
    std::vector<std::string> out = findings_;
    if (epoch_ > leader_epoch) {
        out.push_back(fmt::format(
            "Batch {} is of epoch {}, but the leader's epoch is {}.", seq_, epoch_, leader_epoch
        ));
    }
    return out;
}

void LedgerCheck::add(const LedgerRow& row) {
    if (row.span != place_.span || row.at != place_.at || row.epoch != place_.epoch) {
        settle();
        place_ = row;
    }
    scopes_[row.scope] = row.entries;
}

void LedgerCheck::settle() {
    const std::string broken = check_ledger(scopes_);
    if (!broken.empty() && findings_.size() < JobCheck::kFindingsMax) {
        findings_.push_back(fmt::format(
            "The ledger of the {} from {} does not close: {}.",
            to_string(place_.span),
            format_rfc3339(place_.at),
            broken
        ));
    }
    scopes_.clear();
}

std::vector<std::string> LedgerCheck::findings() {
    settle();
    return std::move(findings_);
}

}  // namespace servo::store
