// The rules of the scheduler, one family a file, as functions over State. Private to src/core.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/state.h"

namespace servo::core {

// --- usage.cc: the only place that changes usage counts ---
void charge(State& state, Lease& lease);
void release(State& state, Lease& lease);
// False while the steps of the pool's windows are not there yet: they are made outside, after each
// load and whenever its definition changed.
bool limit_known(const Pool& pool);
// The pool's limit at `now` from override, windows or definition; -1 = none.
int64_t pool_limit(const Pool& pool, Instant now);
// When a window ends that makes the limit lower than it will be; kNever: none does, or not within
// the steps that are known.
Instant pool_limit_rises(const Pool& pool, Instant now);
int64_t asset_limit(const Asset& asset, const AssetSpec& spec);  // 0 = none
// Partitions of the job that run: one for each lease with something unreported.
uint64_t running_of(const State& state, const Job& job);
// Since when the work of a job without a lease lacks nothing but a slot: what a pause or a limit
// held back is nobody's latency. As of the last look at what waits, which is a second ago or, with
// more than 5,000 jobs, some.
Instant claimable_since(const Job& job);

// --- gates.cc: the filters inside the pick, which also explain ---
struct GateAnswer {
    Gate gate = Gate::kNone;
    int64_t subject = 0;  // id of the pool, asset, job or tenant, by gate
    Instant since;
    Instant until = kNever;
    bool open() const { return gate == Gate::kNone; }
};
enum class Holding { kNo, kYes };  // kYes: for more work of a lease that is charged already
// Why `session` may not be given work of `job` now; null session: why nobody may.
GateAnswer gate_of(
    const State& state, const Job& job, const Session* session, Instant now, Holding holding
);
// The answer in words, for `partitions` of the job: explain.cc.
GateShare explain(
    const State& state, const Job& job, const GateAnswer& answer, uint64_t partitions
);
bool labels_match(const AssetSpec& spec, const Session& session);
// Neither drained by an operator nor about to end by itself: it is given new work.
bool takes_work(const State& state, const Session& session);
// Could be given work of the job, by its token and labels, once it takes work.
bool serves(const Session& session, const Job& job);

struct Wait {
    GateAnswer answer;
    uint64_t partitions = 0;
    bool leased = false;  // granted, not yet started: its executor's turn
};
// Partitions that could be granted, gates apart: neither leased nor in backoff.
uint64_t grantable(const Job& job);
// What waits of the job, and behind which gate: each waiting partition once.
std::vector<Wait> waits_of(const State& state, const Job& job, Instant now);
// Whether a free slot could take work of the job, gates apart.
bool free_slot_serves(const State& state, const Job& job);

// --- bookkeeping.cc: what happens, told to the ledger; nothing decides by it ---
void book_results(
    Context& c, const Job& job, Lease& lease, RevisionEntry& revision, const LeaseResults& results
);
// The slot is free from now on: the rest of its time, which no result explains.
void book_lease_end(State& state, const Lease& lease);
void book_lease_lost(State& state, Lease& lease, FailureClass klass);
void book_idle(State& state, Session& session);
void book_count(State& state, const Job& job, ExecutorId executor, Meter meter, uint64_t count);
// What the executor says of its slots since its last report.
void note_slot_times(Session& session, const SlotMillis& now);
// Slots that their executor took along when it was last seen; they come back with it, or others
// take their place. Both leave the executor's own row to be written by the caller.
void miss_slots(State& state, ExecutorRow& row, int slots, Instant seen);
void slots_joined(Context& c, ExecutorId executor, int64_t slots);
void recount_slots(State& state);
// The look once a second: waiting work, idle and missing slots, minutes that are over.
void keep_ledger(Context& c, Closing closing);
std::vector<RunningSpan> running_spans(const State& state);

// --- fairness.cc: order between tenants and jobs ---
// Puts the job into its tenant's queue or takes it out, as its state and work say. Call after
// anything that may change either.
void refresh_queue(State& state, Job& job);
// Books slot-time on the tenant; negative corrects an over-charge.
void charge_time(State& state, TenantId tenant, int64_t slot_us);
// At each look at what waits; `open`: tenants that lack nothing but a slot for some of their work.
void settle_shares(State& state, const std::set<TenantId>& open);
// After a grant of `count` partitions: moves the job behind the others when its quantum is used up.
void serve(State& state, Job& job, uint64_t count, int64_t slot_us);
// Recomputes aging and slack: of one job after its settings changed, of all once a second.
void reorder_job(State& state, Job& job, Instant now);
void reorder(State& state, Instant now);
// Expected duration of one partition of the job; 0 = nothing known.
int64_t expected_us(const State& state, const Job& job);
uint64_t samples(const State& state, const Job& job);  // recorded durations behind it
// Expected time until the job is done at its present number of slots (at least one).
int64_t remaining_ms(const State& state, const Job& job);

// --- pick.cc ---
struct Pick {
    JobId job;
    std::vector<Run> runs;
    uint64_t size = 0;
    Tries tries;
};
// The job that gets the next free slot of `session`.
std::optional<JobId> choose(State& state, const Session& session, Instant now);
// Takes the next range of `job` out of what may be granted. `limit` caps the size.
Pick take(State& state, Job& job, uint64_t limit);
uint64_t range_size(const State& state, const Job& job);

// --- job_lifecycle.cc ---
bool is_unclaimed(const Job& job);  // no lease yet since its start or resume
void set_state(Context& c, Job& job, JobState to, const std::string& reason, const std::string& by);
void mark_dirty(State& state, Job& job);
// The job got results that its last checkpoint does not have.
void mark_progress(State& state, Job& job);
// Takes an ended job out of memory.
void forget(State& state, JobId id);
// Lists the job with the open ones of its tenant and of its asset.
void enter_open(State& state, const Job& job);
// Puts unreported indices back: to ready, due, backoff, or cancelled if the job is being cancelled.
void give_back(Context& c, Job& job, const std::vector<Run>& runs);
// Ends the job when nothing remains, or its cancelling when nothing is leased.
void finish_if_done(Context& c, Job& job);
void end_lease(Context& c, LeaseId id);  // releases, gives back what is unreported, forgets
// Takes the first `count` unreported positions off the lease: they are reported.
void drop_front(Context& c, Lease& lease, uint64_t count);
// Gives back the positions of `lease` from `size` on.
void shrink_lease(Context& c, Lease& lease, uint64_t size);
void add_grant(Context& c, Lease& lease, LeaseGrant grant);
void event(
    Context& c,
    TenantId tenant,
    const std::string& actor,
    const std::string& kind,
    const std::string& subject,
    const std::string& detail
);
// Moves retries that are due from backoff to due.
void release_backoff(State& state, Instant now);
// Puts an index with a failure behind it into due, or into backoff until its time.
void enqueue_waiting(State& state, Job& job, Index index, const Waiting& waiting, Instant now);

// --- overlap.cc ---
// The partitions that `indices` of the job are, ascending.
std::vector<OrdinalRun> ordinals_of(const Job& job, const RunSet& indices);
// The indices of `view` whose partitions are among these of the job.
RunSet shared(const OrdinalView& view, const Job& job, const RunSet& indices);
// Jobs that waited for others' partitions start when these are free, in the order they came.
void release_overlap_waiters(Context& c, AssetId asset);

// --- take_back.cc: leased work that has not started, asked back from its executors ---
// Asks executors to start nothing more of the job (shrink), or to kill what runs (stop).
enum class Revoke { kShrink, kStop };
// How many were not asked that before.
uint64_t revoke_leases(Context& c, Job& job, Revoke how);
// Once a second: the leases for which the limits have no room any more, whatever brought them down,
// start nothing more.
void cut_to_limits(Context& c);
// Once a second: half of what waits in slots, while other slots stand idle.
void rebalance(Context& c);
// What runs of the lease has taken as long by itself as a whole range is meant to.
bool runs_late(const Lease& lease, Instant now);
// To be called when its executor reports the same partition as running as the report before did:
// the rest is asked back if that runs late.
void take_back_late(Context& c, Lease& lease);

// --- results.cc ---
// Checks that `results` continue the lease; changes nothing.
Status check_results(const Lease& lease, const LeaseResults& results);
void record_results(Context& c, Lease& lease, const LeaseResults& results);
// Reasons for which a job pauses itself.
constexpr const char* kTooManyFailures = "too_many_failures";
constexpr const char* kSequentialFailed = "sequential_failed";
// The executor of the lease is gone: what it had not reported is given back, as lost when it is
// `suspect`.
void lose_lease(Context& c, LeaseId id, bool suspect);
// Tells the breakers of the job's pools, or of the `blamed` one, of attempts that ended.
void observe_breakers(
    Context& c, Job& job, const std::string& blamed, bool external, uint64_t times
);

// --- sessions.cc ---
Result<RegisterReply> register_executor(
    Context& c, const RegisterRequest& request, const ExecutorToken& token
);
Result<CallReply> executor_call(Context& c, const CallRequest& request, const ExecutorToken& token);
// Gives the next free slot of the session a lease, if there is work for it.
std::optional<LeaseId> grant_one(Context& c, Session& session);

// --- presence.cc ---
// kInOrder: nothing of it runs any more, what it held is not suspect and nobody misses its slots.
enum class Departure { kSilent, kReplaced, kInOrder };
void end_session(Context& c, SessionId id, Departure how, const std::string& why);
// No registration opens this session again.
void refuse_session(State& state, SessionId id);
// When the executor was last heard, by this leader or those before.
Instant last_seen(const State& state, const ExecutorRow& row);
// Sessions that fell silent, and executors that nobody expects any more.
void keep_presence(Context& c);

// --- job_control.cc, definitions.cc, levers.cc ---
// Error: failed_precondition / "job_ended".
Result<Job*> find_open_job(State& state, JobId id);
Result<Reply> create_jobs(Context& c, const CreateJobs& command);
Result<Reply> pause_job(Context& c, const PauseJob& command);
Result<Reply> resume_job(Context& c, const ResumeJob& command);
Result<Reply> cancel_job(Context& c, const CancelJob& command);
Result<Reply> retry_job(Context& c, const RetryJob& command);
Result<Reply> adopt_job(Context& c, const AdoptJob& command);
Result<Reply> apply_definitions(Context& c, const ApplyDefinitions& command);
Result<Reply> set_tenant(Context& c, const SetTenant& command);
Result<Reply> set_pool(Context& c, const SetPool& command);
Result<Reply> hold_pool(Context& c, const HoldPool& command);
Result<Reply> set_asset(Context& c, const SetAsset& command);
Result<Reply> set_pool_steps(Context& c, const SetPoolSteps& command);
Result<Reply> mark_partitions(Context& c, const MarkPartitions& command);
Result<Reply> drain_executor(Context& c, const DrainExecutor& command);
Result<Reply> create_token(Context& c, const CreateToken& command);
Result<Reply> revoke_token(Context& c, const RevokeToken& command);
void add_tenant(Context& c, const std::string& name, const std::string& actor);
// What was set, until when and why, as the audit trail has it.
std::string said(const std::string& what, Instant until, const std::string& reason);
// Pools that an asset of `tenant` means by its names: its own first, then shared ones.
std::optional<PoolId> find_pool(const State& state, TenantId tenant, const std::string& name);

// --- job_settings.cc ---
Result<Reply> set_job(Context& c, const SetJob& command);
// Failures do not pause the job any more: somebody decided to go on.
void lift_max_failures(Job& job);
// What was set for a time that is over goes back to what lasts.
void end_temporary_settings(Context& c, Job& job);
void end_temporary_settings(Context& c);  // of every job that is open
// The asset's latest revision, where it is wanted and nothing of the job is leased: which revision
// made a partition, whose durations they are and which pools a lease is charged to follow from the
// job's.
void take_wanted_revision(Context& c, Job& job);
void take_wanted_revisions(Context& c);  // of every job: after a load no lease may be left to end

// --- load.cc ---
void load(State& state, const Snapshot& snapshot, Instant now);
void adopt(State& state, const Snapshot::OpenJob& open, Instant now);
void resolve_pools(const State& state, Job& job);

// --- tick.cc, seal.cc ---
void tick(Context& c);
void breaker_changed(Context& c, Pool& pool);
void seal(Context& c);
// What the job did since its last checkpoint, as made by the revision that it has now; its next
// checkpoint must be in the same batch.
void materialise_results(Context& c, Job& job);
// Other open jobs that did some of this one's partitions checkpoint with this batch, so that what
// it makes of them later stands as the newer.
void checkpoint_before(Context& c, const Job& next);

}  // namespace servo::core
