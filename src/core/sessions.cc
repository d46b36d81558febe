// The executor protocol, the scheduler's side (docs/reference/executor_protocol.md).
#include <fmt/format.h>

#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

bool name_ok(const std::string& name) {
    return !name.empty() && name.size() <= 128 &&
           std::all_of(name.begin(), name.end(), [](char ch) {
               return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                      (ch >= '0' && ch <= '9') || ch == '.' || ch == '_' || ch == '-';
           });
}

uint64_t unacked_size(const Lease& lease, int64_t ack) {
    uint64_t size = 0;
    for (const LeaseGrant& grant : lease.grants) {
        size += grant.number > ack ? grant.size : 0;
    }
    return size;
}

// Holds the executor's list against ours. Only what lies at or below `ack` is certain to have
// reached it.
void reconcile(Context& c, Session& session, const std::vector<HeldLease>& held, int64_t ack) {
    std::map<LeaseId, const HeldLease*> listed;
    for (const HeldLease& lease : held) {
        listed[lease.lease] = &lease;
    }
    const std::set<LeaseId> ours = session.leases;
    for (const LeaseId id : ours) {
        const auto open = c.state.leases.find(id);
        if (open == c.state.leases.end()) {
            continue;  // with an earlier one its job ended, and all leases with it
        }
        Lease& lease = open->second;
        const uint64_t unacked = unacked_size(lease, ack);
        const auto it = listed.find(id);
        if (it == listed.end()) {
            if (lease.last_number <= ack) {
                end_lease(c, id);
            }
            continue;
        }
        const bool stands = it->second->started <= lease.started;
        lease.started = std::clamp(it->second->started, lease.started, lease.size);
        if (unacked == 0 && it->second->size < lease.size) {
            shrink_lease(c, lease, std::max(it->second->size, lease.started));
        }
        if (lease.shrink_to && lease.size <= std::max(*lease.shrink_to, lease.started)) {
            lease.shrink_to.reset();
        }
        if (lease.reported == lease.size) {
            end_lease(c, id);
        } else if (stands) {
            take_back_late(c, lease);
        }
    }
}

void receive_ack(Session& session, int64_t ack) {
    session.ack = std::max(session.ack, ack);
    while (!session.unacked.empty() && session.unacked.begin()->first <= session.ack) {
        const Grant& grant = session.unacked.begin()->second;
        session.known_definitions.emplace(grant.asset, grant.revision);
        session.unacked.erase(session.unacked.begin());
    }
}

Grant describe(const State& state, const Job& job, const Lease& lease, const Pick& pick) {
    Grant grant;
    grant.lease = lease.id;
    grant.job = job.row.id;
    grant.generation = lease.generation;
    grant.attempt = lease.attempt;
    grant.tenant = job.row.tenant;
    grant.tenant_name = state.tenants.at(job.row.tenant).row.name;
    grant.asset = job.row.asset;
    grant.revision = job.row.revision;
    grant.runs = pick.runs;
    grant.reversed = job.row.ordinals->reversed();
    for (const Run& run : pick.runs) {
        std::vector<OrdinalRun> part = job.row.ordinals->slice(run);
        if (grant.reversed) {
            std::reverse(part.begin(), part.end());
        }
        grant.ordinals.insert(grant.ordinals.end(), part.begin(), part.end());
    }
    const AssetSpec& spec = job.revision->spec;
    grant.timeout = job.row.settings.timeout.value_or(spec.timeout);
    grant.memory_bytes = job.row.settings.memory_bytes.value_or(spec.memory_bytes);
    grant.suspect = lease.deaths > 0;
    grant.traceparent = job.row.traceparent;
    return grant;
}

// The first lease of a job that could be claimed.
void note_claim(State& state, Job& job, Instant now) {
    const Millis waited = now - claimable_since(job);
    state.tally.claim_latency.add(waited);
    std::vector<Claim>& claims = job.row.claims;
    if (claims.size() == kClaimsMax) {
        claims.erase(claims.begin());
    }
    claims.push_back({now, waited});
}

// Hands `pick` to the session, as a new lease or as more of `lease`.
LeaseId give(Context& c, Session& session, Job& job, const Pick& pick, Lease* lease) {
    State& state = c.state;
    const int64_t known = expected_us(state, job);
    const Token token = state.next_token;
    state.next_token += static_cast<Token>(pick.size);
    if (lease == nullptr) {
        book_idle(state, session);
        Lease fresh;
        fresh.id = LeaseId(token);
        fresh.session = session.id;
        fresh.executor = session.executor;
        fresh.tenant = job.row.tenant;
        fresh.asset = job.row.asset;
        fresh.job = job.row.id;
        fresh.generation = pick.tries.generation;
        fresh.attempt = pick.tries.attempt;
        fresh.deaths = pick.tries.deaths;
        fresh.granted_at = c.now;
        fresh.progress_at = c.now;
        fresh.booked_to = stamp(c.now);
        fresh.estimate_us = known == 0 ? kUnknownDurationUs : known;
        lease = &state.leases.emplace(fresh.id, std::move(fresh)).first->second;
        job.leases.insert(lease->id);
        session.leases.insert(lease->id);
        charge(state, *lease);
        for (const auto& [pool_id, units] : job.pools) {
            Pool& pool = state.pools.at(pool_id);
            if (pool.breaker.state() == BreakerState::kOpen) {
                pool.breaker.probe_started(c.now);
            }
        }
    }
    const int64_t number = session.next_grant++;
    if (!state.forecasting) {  // nobody reads the grants of a copy that runs ahead
        Grant grant = describe(state, job, *lease, pick);
        grant.number = number;
        grant.token_base = token;
        grant.first_position = lease->size;
        session.unacked.emplace(number, std::move(grant));
    }
    LeaseGrant row;
    row.number = number;
    row.token_base = token;
    row.runs = pick.runs;
    row.size = pick.size;
    add_grant(c, *lease, std::move(row));
    job.leased += pick.size;
    const bool claimed = is_unclaimed(job);
    if (claimed) {
        note_claim(state, job, c.now);
    }
    job.waiting_since = c.now;
    const int64_t slot_us = lease->estimate_us * static_cast<int64_t>(pick.size);
    charge_time(state, job.row.tenant, slot_us);
    serve(state, job, pick.size, slot_us);
    if (claimed) {
        set_state(c, job, JobState::kRunning, "", job.row.state_by);
    }
    return lease->id;
}

void grant_free_slots(Context& c, Session& session, int asked) {
    int64_t free = std::min<int64_t>(asked, free_slots(session));
    while (free-- > 0 && grant_one(c, session)) {
    }
}

bool may_top_up(const State& state, const Job& job, const Lease& lease) {
    if (lease.stop || lease.shrink_to || runs_late(lease, state.now) || lease.attempt != 1 ||
        lease.deaths > 0 || lease.generation != job.row.generation ||
        job.revision->spec.sequential || job.revision->spec.run.kind == RunnerKind::kBatch ||
        job.ready.empty() || (!job.due.empty() && job.due.begin()->first.deaths == 0)) {
        return false;
    }
    const int64_t each = expected_us(state, job);
    const auto unstarted = static_cast<int64_t>(lease.size - lease.started);
    return each > 0 && each <= kRangeTargetUs && unstarted <= kTopUpBelowUs / each;
}

// More of the same for leases that run low, if the pick would choose the same job again: the slot
// then never waits for a commit.
void top_up(Context& c, Session& session) {
    for (const LeaseId id : session.leases) {
        Lease& lease = c.state.leases.at(id);
        Job& job = c.state.jobs.at(lease.job);
        if (!may_top_up(c.state, job, lease) ||
            !gate_of(c.state, job, &session, c.now, Holding::kYes).open()) {
            continue;
        }
        const std::optional<JobId> chosen = choose(c.state, session, c.now);
        if (chosen && *chosen != lease.job) {
            continue;
        }
        const Pick pick = take(c.state, job, kPartitionsPerGrantMax);
        if (pick.size > 0) {
            give(c, session, job, pick, &lease);
        }
    }
}

void hear_draining(Context& c, Session& session, bool draining) {
    const bool as_told = draining && session.told_to_drain;
    if (session.draining == draining && session.drains_as_told == as_told) {
        return;
    }
    book_idle(c.state, session);
    session.draining = draining;
    session.drains_as_told = as_told;
    recount_slots(c.state);
    const ExecutorRow& row = c.state.executors.at(session.executor);
    if (draining && !as_told && !row.drain_wanted) {
        event(
            c,
            TenantId{},
            row.name,
            "executor.draining",
            row.name,
            "It is about to end and starts nothing more."
        );
    }
}

CallReply compose(const Context& c, const Session& session, const CallRequest& request) {
    CallReply reply;
    reply.epoch = c.state.epoch;
    reply.call = request.call;
    reply.drain = c.state.executors.at(session.executor).drain_wanted;
    std::set<std::pair<AssetId, int>> sent;
    for (const auto& [number, grant] : session.unacked) {
        reply.grants.push_back(grant);
        if (!session.known_definitions.contains({grant.asset, grant.revision}) &&
            sent.emplace(grant.asset, grant.revision).second) {
            const AssetRevision& revision =
                *c.state.assets.at(grant.asset).revisions.at(grant.revision).revision;
            reply.definitions.push_back(
                {grant.asset, grant.revision, revision.spec, revision.code_dir}
            );
        }
    }
    for (const LeaseId id : session.leases) {
        const Lease& lease = c.state.leases.at(id);
        if (lease.stop) {
            reply.controls.push_back({id, LeaseAction::kStop, lease.started});
        } else if (lease.shrink_to && *lease.shrink_to < lease.size) {
            reply.controls.push_back({id, LeaseAction::kShrink, *lease.shrink_to});
        }
    }
    return reply;
}

// The session's last call. A copy of it, or of a call before, finds the session gone, and none can
// open it again.
CallReply leave(Context& c, const CallRequest& request) {
    refuse_session(c.state, request.session);
    end_session(c, request.session, Departure::kInOrder, "It ended in order.");
    CallReply reply;
    reply.epoch = c.state.epoch;
    reply.call = request.call;
    return reply;
}

// Results already recorded come again when their reply was lost with a leader: left out.
LeaseResults unrecorded(const Lease& lease, LeaseResults results) {
    const auto old = [&](const auto& item) { return item.position < lease.reported; };
    std::erase_if(results.done, old);
    std::erase_if(results.failed, old);
    std::erase_if(results.logs, old);
    std::erase_if(results.phases, old);
    return results;
}

// Checks all, then records all. Returns the leases that are not (or no longer) the session's.
Result<std::vector<LeaseId>> take_results(
    Context& c, Session& session, const std::vector<LeaseResults>& all
) {
    std::vector<LeaseId> unknown;
    std::vector<LeaseResults> fresh;
    for (const LeaseResults& results : all) {
        if (!session.leases.contains(results.lease)) {
            unknown.push_back(results.lease);
            continue;
        }
        const Lease& lease = c.state.leases.at(results.lease);
        fresh.push_back(unrecorded(lease, results));
        SERVO_CHECK(check_results(lease, fresh.back()));
    }
    for (const LeaseResults& results : fresh) {
        Lease& lease = c.state.leases.at(results.lease);
        record_results(c, lease, results);
    }
    for (const LeaseResults& results : fresh) {
        const auto it = c.state.leases.find(results.lease);
        if (it != c.state.leases.end()) {
            finish_if_done(c, c.state.jobs.at(it->second.job));
        }
    }
    return unknown;
}

bool repeats_a_lease(const std::vector<LeaseResults>& all) {
    std::set<LeaseId> seen;
    return std::any_of(all.begin(), all.end(), [&](const LeaseResults& results) {
        return !seen.insert(results.lease).second;
    });
}

// A token of one tenant may take a name that another tenant's executor has only when that one is
// gone: it must not be able to push it out.
Status check_owner(const State& state, const RegisterRequest& request, const ExecutorToken& token) {
    const auto session = state.sessions.find(request.session);
    if (session != state.sessions.end() && session->second.registered &&
        session->second.token.id != token.id) {
        return fail(conflict("session_in_use", "That session id belongs to another executor."));
    }
    const auto name = state.executor_names.find(request.executor);
    if (!token.tenant || name == state.executor_names.end() ||
        !state.session_of.contains(name->second) ||
        state.executors.at(name->second).tenant == token.tenant) {
        return {};
    }
    return fail(conflict(
        "executor_name_taken",
        fmt::format(
            "An executor that is not your tenant's runs under the name \"{}\"; choose another with "
            "--executor-name.",
            request.executor
        )
    ));
}

// A label attracts work, so a token that names labels is good for those alone.
Status check_labels(const RegisterRequest& request, const ExecutorToken& token) {
    if (token.labels.empty()) {
        return {};
    }
    for (const auto& [name, value] : request.labels) {
        const auto allowed = token.labels.find(name);
        if (allowed == token.labels.end() || allowed->second != value) {
            return fail(Error{
                ErrorCode::kPermissionDenied,
                "label_not_allowed",
                fmt::format(
                    "The executor's token does not allow the label {}={}; it allows {}. Leave the "
                    "label out, or ask for another token.",
                    name,
                    value,
                    to_text(token.labels)
                ),
                {},
                0});
        }
    }
    return {};
}

Status check_registration(const State& state, const RegisterRequest& request) {
    if (!name_ok(request.executor)) {
        return fail(invalid_argument(
            "bad_executor_name",
            "An executor's name has 1 to 128 characters out of letters, digits, '.', '_' and '-'."
        ));
    }
    if (!request.session || request.slots < 1 || request.slots > kSlotsPerExecutorMax) {
        return fail(invalid_argument(
            "bad_registration",
            fmt::format("A registration needs a session and 1 to {} slots.", kSlotsPerExecutorMax)
        ));
    }
    if (std::find(state.replaced.begin(), state.replaced.end(), request.session) !=
        state.replaced.end()) {
        return fail(conflict(
            "session_replaced",
            fmt::format(
                "The session is over: it ended in order, or a newer process registered under the "
                "name \"{}\".",
                request.executor
            )
        ));
    }
    const auto session = state.sessions.find(request.session);
    if (session == state.sessions.end()) {
        if (state.sessions.size() >= kSessionsMax) {
            return fail(resource_exhausted("too_many_sessions", "Too many executors are connected.")
            );
        }
        return {};
    }
    if (state.executors.at(session->second.executor).name != request.executor) {
        return fail(conflict("session_in_use", "That session id belongs to another executor."));
    }
    return {};
}

// A registration that was overtaken on its way: the session goes on as the newer one said.
bool came_late(const State& state, const RegisterRequest& request) {
    const auto session = state.sessions.find(request.session);
    return session != state.sessions.end() && session->second.registered && request.number > 0 &&
           request.number <= session->second.last_register;
}

// The executor's lasting number; a new name gets the next one.
ExecutorId executor_named(State& state, const std::string& name, Instant now) {
    const auto known = state.executor_names.find(name);
    if (known != state.executor_names.end()) {
        return known->second;
    }
    const ExecutorId executor(++state.max_executor_id);
    state.executor_names[name] = executor;
    state.executors[executor] =
        ExecutorRow{executor, name, "", "", 0, now, false, {}, Presence::kPresent, now};
    return executor;
}

void record_joined(Context& c, ExecutorId executor, const RegisterRequest& request) {
    ExecutorRow& row = c.state.executors.at(executor);
    row.host = request.host;
    row.build = request.build;
    row.slots = request.slots;
    row.last_registered_at = c.now;
    row.presence = Presence::kPresent;
    row.last_seen_at = c.now;
    c.changes.executors.push_back(row);
    event(
        c,
        TenantId{},
        request.executor,
        "executor.joined",
        request.executor,
        fmt::format("{} slots on {}, build {}.", request.slots, request.host, request.build)
    );
}

}  // namespace

std::optional<LeaseId> grant_one(Context& c, Session& session) {
    const std::optional<JobId> chosen = choose(c.state, session, c.now);
    if (!chosen) {
        return std::nullopt;
    }
    Job& job = c.state.jobs.at(*chosen);
    const Pick pick = take(c.state, job, kPartitionsPerJobMax);
    if (pick.size == 0) {
        return std::nullopt;
    }
    return give(c, session, job, pick, nullptr);
}

Result<RegisterReply> register_executor(
    Context& c, const RegisterRequest& request, const ExecutorToken& token
) {
    SERVO_CHECK(check_registration(c.state, request));
    SERVO_CHECK(check_owner(c.state, request, token));
    SERVO_CHECK(check_labels(request, token));
    State& state = c.state;
    const ExecutorId executor = executor_named(state, request.executor, c.now);
    if (came_late(state, request)) {
        RegisterReply reply;
        reply.executor_id = executor;
        reply.epoch = state.epoch;
        return reply;
    }
    const auto current = state.session_of.find(executor);
    if (current != state.session_of.end() && current->second != request.session &&
        request.previous_gone) {
        const SessionId before = current->second;
        refuse_session(state, before);
        end_session(c, before, Departure::kReplaced, "The executor was started again.");
    }
    const bool resumed = state.sessions.contains(request.session);
    Session& session = state.sessions[request.session];
    if (!resumed || state.missing.contains(executor)) {
        slots_joined(c, executor, request.slots);
    }
    if (resumed) {
        book_idle(state, session);
    } else {
        session.idle_booked_to = stamp(c.now);
    }
    session.id = request.session;
    session.executor = executor;
    session.slots = request.slots;
    session.labels = request.labels;
    session.build = request.build;
    session.host = request.host;
    session.last_call = c.now;
    session.draining = false;
    session.told_to_drain = false;
    session.drains_as_told = false;
    session.registered = true;
    session.last_register = request.number;
    session.token = token;
    state.executors.at(executor).tenant = token.tenant;
    state.session_of[executor] = request.session;
    receive_ack(session, request.ack);
    // Grants beyond its ack will never arrive: a reply in flight is of an older registration.
    session.next_grant = session.ack + 1;
    if (resumed) {
        session.unacked.clear();
        reconcile(c, session, request.held, INT64_MAX);
    } else {
        session.joined_at = c.now;
    }
    record_joined(c, executor, request);
    recount_slots(state);
    ++state.wake;
    RegisterReply reply;
    reply.executor_id = executor;
    reply.epoch = state.epoch;
    return reply;
}

Result<CallReply> executor_call(
    Context& c, const CallRequest& request, const ExecutorToken& token
) {
    const auto it = c.state.sessions.find(request.session);
    // The session of another token is none at all.
    if (it == c.state.sessions.end() || !it->second.registered || it->second.token.id != token.id) {
        return fail(failed_precondition(
            "unknown_session", "This leader does not know the session; register again."
        ));
    }
    Session& session = it->second;
    const auto kind = static_cast<size_t>(request.kind);
    int64_t& last = session.last_call_number[kind];
    if (request.call < last) {
        return fail(conflict("stale_call", "A later call of this session was already answered."));
    }
    if (request.call == last && request.kind == CallKind::kReport && session.last_reply[kind]) {
        session.last_call = c.now;
        return *session.last_reply[kind];
    }
    if (repeats_a_lease(request.results) || request.held.size() > kSlotsPerExecutorMax * 2U) {
        return fail(invalid_argument("bad_report", "A report names each lease once at most."));
    }
    // A parked acquire comes again whenever there may be work: that says nothing new of its
    // executor.
    const bool news = request.kind == CallKind::kReport || request.call > last;
    if (news) {
        session.last_call = c.now;
    }
    release_backoff(c.state, c.now);
    if (request.kind == CallKind::kReport) {
        note_slot_times(session, request.slot_ms);
    }
    const std::vector<LeaseId> unknown = SERVO_TRY(take_results(c, session, request.results));
    last = request.call;
    receive_ack(session, request.ack);
    if (news && !request.leaving) {
        hear_draining(c, session, request.draining);
    }
    if (request.kind == CallKind::kReport) {
        reconcile(c, session, request.held, request.ack);
    }
    if (request.leaving) {
        return leave(c, request);
    }
    if (takes_work(c.state, session)) {
        if (request.kind == CallKind::kReport) {
            top_up(c, session);
        }
        grant_free_slots(c, session, request.free_slots);
    }
    CallReply reply = compose(c, session, request);
    session.told_to_drain = reply.drain;
    std::set<LeaseId> told(unknown.begin(), unknown.end());
    for (const HeldLease& held : request.held) {
        if (request.kind == CallKind::kReport && !session.leases.contains(held.lease) &&
            held.size > 0 && held.lease.value < c.state.next_token) {
            told.insert(held.lease);
        }
    }
    for (const LeaseId id : told) {
        reply.controls.push_back({id, LeaseAction::kUnknown, 0});
    }
    session.last_reply[kind] = std::make_shared<const CallReply>(reply);
    return reply;
}

Result<Reply> drain_executor(Context& c, const DrainExecutor& command) {
    const auto it = c.state.executor_names.find(command.executor);
    if (it == c.state.executor_names.end()) {
        return fail(not_found(
            "no_such_executor",
            fmt::format(
                "No executor is called \"{}\"; `servo executor list` shows them.", command.executor
            )
        ));
    }
    ExecutorRow& row = c.state.executors.at(it->second);
    if (row.drain_wanted == command.drain) {
        return Reply(Done{false});
    }
    if (const auto session = c.state.session_of.find(it->second);
        session != c.state.session_of.end()) {
        book_idle(c.state, c.state.sessions.at(session->second));
    } else if (command.drain) {
        slots_joined(c, row.id, 0);  // gone, and not expected back
    }
    row.drain_wanted = command.drain;
    c.changes.executors.push_back(row);
    recount_slots(c.state);
    ++c.state.wake;
    event(
        c,
        TenantId{},
        command.actor,
        command.drain ? "executor.drained" : "executor.undrained",
        command.executor,
        ""
    );
    return Reply(Done{true});
}

}  // namespace servo::core
