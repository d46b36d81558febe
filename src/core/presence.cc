// Executors that are not there any more: how they went, and when they are forgotten.
#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

void record_gone(Context& c, ExecutorRow& row, Presence how, Instant seen, const std::string& why) {
    row.presence = how;
    row.last_seen_at = seen;
    c.changes.executors.push_back(row);
    event(c, TenantId{}, "servo", "executor.left", row.name, why);
}

// About to end by itself and with nothing left to do: it got no word through, and took nothing
// along.
bool had_drained(const Session& session) {
    return session.draining && !session.drains_as_told && session.leases.empty();
}

void expire_sessions(Context& c) {
    std::vector<SessionId> silent;
    for (const auto& [id, session] : c.state.sessions) {
        if (session.last_call + kLeaseTtl <= c.now) {
            silent.push_back(id);
        }
    }
    for (const SessionId id : silent) {
        if (had_drained(c.state.sessions.at(id))) {
            end_session(c, id, Departure::kInOrder, "It fell silent when it had drained.");
        } else {
            end_session(
                c, id, Departure::kSilent, "It was not heard for the time to live of its leases."
            );
        }
    }
}

// Those that were there under the leader before and held nothing have no session until they call.
void miss_unheard(Context& c) {
    if (c.now < c.state.loaded_at + kLeaseTtl) {
        return;
    }
    for (auto& [id, row] : c.state.executors) {
        if (row.presence == Presence::kPresent && !c.state.session_of.contains(id)) {
            const Instant seen = last_seen(c.state, row);
            record_gone(c, row, Presence::kLost, seen, "It was not heard since this server leads.");
        }
    }
}

void give_up_lost(Context& c) {
    for (auto& [id, row] : c.state.executors) {
        if (row.presence == Presence::kLost && row.last_seen_at + kLostFor <= c.now) {
            row.presence = Presence::kLeft;
            c.changes.executors.push_back(row);
        }
    }
}

void forget_left(Context& c) {
    std::map<ExecutorId, ExecutorRow>& all = c.state.executors;
    size_t surplus = all.size() - std::min(all.size(), kExecutorsMax);
    bool due = surplus > 0;
    std::vector<std::pair<Instant, ExecutorId>> left;
    for (const auto& [id, row] : all) {
        // The highest number stays, so that it is not given a second time.
        if (row.presence == Presence::kLeft && id.value != c.state.max_executor_id) {
            left.emplace_back(row.last_seen_at, id);
            due = due || row.last_seen_at + kExecutorKeptFor <= c.now;
        }
    }
    if (!due) {
        return;
    }
    std::set<ExecutorId> held;  // an older session of the name may still be there
    for (const auto& [id, session] : c.state.sessions) {
        held.insert(session.executor);
    }
    std::erase_if(left, [&held](const auto& entry) { return held.contains(entry.second); });
    std::sort(left.begin(), left.end());
    for (const auto& [seen, id] : left) {
        const bool old = seen + kExecutorKeptFor <= c.now;
        if (!old && surplus == 0) {
            break;
        }
        surplus -= surplus > 0 ? 1 : 0;
        std::erase_if(c.changes.executors, [id = id](const ExecutorRow& row) {
            return row.id == id;
        });
        c.changes.removed_executors.push_back(id);
        c.state.executor_names.erase(all.at(id).name);
        c.state.missing.erase(id);
        all.erase(id);
    }
}

}  // namespace

Instant last_seen(const State& state, const ExecutorRow& row) {
    const auto session = state.session_of.find(row.id);
    if (session != state.session_of.end()) {
        return state.sessions.at(session->second).last_call;
    }
    // Had it been lost before the last commit of the leader before, its row would say so.
    return row.presence == Presence::kPresent ? std::max(row.last_seen_at, state.heard_before)
                                              : row.last_seen_at;
}

void refuse_session(State& state, SessionId id) {
    state.replaced.push_back(id);
    if (state.replaced.size() > kReplacedMax) {
        state.replaced.pop_front();
    }
}

void end_session(Context& c, SessionId id, Departure how, const std::string& why) {
    const auto it = c.state.sessions.find(id);
    if (it == c.state.sessions.end()) {
        return;
    }
    book_idle(c.state, it->second);
    const std::set<LeaseId> leases = it->second.leases;
    const ExecutorId executor = it->second.executor;
    for (const LeaseId lease : leases) {
        // A lease of an earlier leader says nothing about its partitions: the executor may have
        // died together with that leader.
        const bool died = how != Departure::kInOrder && epoch_of(lease.value) == c.state.epoch;
        lose_lease(c, lease, died);
    }
    const Instant seen = it->second.last_call;
    const auto current = c.state.session_of.find(executor);
    const bool was_current = current != c.state.session_of.end() && current->second == id;
    if (was_current) {
        if (how != Departure::kInOrder && takes_work(c.state, it->second)) {
            miss_slots(c.state, c.state.executors.at(executor), it->second.slots, seen);
        }
        c.state.session_of.erase(current);
    }
    c.state.sessions.erase(it);
    if (was_current) {
        const auto presence = how == Departure::kInOrder ? Presence::kLeft : Presence::kLost;
        record_gone(c, c.state.executors.at(executor), presence, seen, why);
    }
    recount_slots(c.state);
    ++c.state.wake;
}

void keep_presence(Context& c) {
    expire_sessions(c);
    miss_unheard(c);
    give_up_lost(c);
    forget_left(c);
}

}  // namespace servo::core
