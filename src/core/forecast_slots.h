// The free slots of a forecast, by what their executors may be given: what one gets nothing of, no
// other of its kind gets either, so that a thousand idle ones cost a look at one.
// Private to core/forecast.cc.
#pragma once

#include <iterator>
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
            add(state, id);
        }
    }

    bool empty() const { return sessions_.empty(); }

    // Those of the session, if it is there and takes work.
    void add(const State& state, SessionId id) {
        const auto it = state.sessions.find(id);
        if (it == state.sessions.end() || free_slots(it->second) <= 0 ||
            !takes_work(state, it->second)) {
            return;
        }
        Labels labels = it->second.labels;
        std::erase_if(labels, [&](const auto& label) { return !asked_for_.contains(label); });
        sessions_[{it->second.token.tenant, std::move(labels)}].insert(id);
    }

    // Until none is left that would be given anything. `fill` gives the session what it gets and
    // says whether no slot of it is free any more.
    template <typename Fill>
    void fill_all(Fill fill) {
        for (auto kind = sessions_.begin(); kind != sessions_.end();) {
            std::set<SessionId>& alike = kind->second;
            while (!alike.empty() && fill(*alike.begin())) {
                alike.erase(alike.begin());
            }
            kind = alike.empty() ? sessions_.erase(kind) : std::next(kind);
        }
    }

 private:
    std::set<std::pair<std::string, std::string>> asked_for_;  // the other labels tell nothing
    // By whose work they do and with which labels; no set is empty.
    std::map<std::pair<TenantId, Labels>, std::set<SessionId>> sessions_;
};

}  // namespace servo::core
