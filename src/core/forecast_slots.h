// The free slots of a forecast, by what their executors may be given: what one gets nothing of, no
// other of its kind gets either, so that a thousand idle ones cost a look at one, and none where no
// revision of an asset with a job left is for them.
// Private to core/forecast.cc.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/rules.h"

namespace servo::core {

class FreeSlots {
 public:
    // `state` has every job that there will be.
    explicit FreeSlots(const State& state) {
        for (const auto& [id, job] : state.jobs) {
            for (const auto& [number, entry] : state.asset_of(job).revisions) {
                const Labels& labels = entry.revision->spec.labels;
                asked_for_.insert(labels.begin(), labels.end());
            }
        }
        for (const auto& [id, session] : state.sessions) {
            Kind& kind = kind_of(session);
            if (!kind.counted) {
                kind.counted = true;
                for (const auto& [job_id, job] : state.jobs) {
                    kind.jobs += may_serve(state, session, job) ? 1 : 0;
                }
                kind.alike = session;
            }
        }
        for (const auto& [id, session] : state.sessions) {
            add(state, id);
        }
    }

    bool empty() const { return free_ == 0; }

    // Those of the session, if it is there, takes work, and there is work for it.
    void add(const State& state, SessionId id) {
        const auto it = state.sessions.find(id);
        if (it == state.sessions.end() || free_slots(it->second) <= 0 ||
            !takes_work(state, it->second)) {
            return;
        }
        Kind& kind = kind_of(it->second);
        if (kind.jobs > 0 && kind.free.insert(id).second) {
            ++free_;
        }
    }

    void job_ended(const State& state, const Job& job) {
        for (auto& [labels, kind] : kinds_) {
            if (may_serve(state, kind.alike, job) && --kind.jobs == 0) {
                free_ -= kind.free.size();
                kind.free.clear();
            }
        }
    }

    // Until none is left that would be given anything. `fill` gives the session what it gets and
    // says whether no slot of it is free any more.
    template <typename Fill>
    void fill_all(Fill fill) {
        for (auto& [labels, kind] : kinds_) {
            while (!kind.free.empty() && fill(*kind.free.begin())) {
                kind.free.erase(kind.free.begin());
                --free_;
            }
        }
    }

 private:
    struct Kind {
        Session alike;  // one of them
        bool counted = false;
        int64_t jobs = 0;  // open ones that it serves
        std::set<SessionId> free;
    };

    // By any revision: a job may go on to the latest one.
    static bool may_serve(const State& state, const Session& session, const Job& job) {
        const auto& revisions = state.asset_of(job).revisions;
        return (!session.token.tenant || session.token.tenant == job.row.tenant) &&
               std::any_of(revisions.begin(), revisions.end(), [&](const auto& entry) {
                   return labels_match(entry.second.revision->spec, session);
               });
    }

    Kind& kind_of(const Session& session) {
        Labels labels = session.labels;
        std::erase_if(labels, [&](const auto& label) { return !asked_for_.contains(label); });
        return kinds_[{session.token.tenant, std::move(labels)}];
    }

    std::set<std::pair<std::string, std::string>> asked_for_;  // the other labels tell nothing
    std::map<std::pair<TenantId, Labels>, Kind> kinds_;        // by whose work they do, and labels
    size_t free_ = 0;                                          // of all kinds
};

}  // namespace servo::core
