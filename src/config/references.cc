#include "config/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "config/fields.h"

namespace servo::config {
namespace {

using model::AssetSpec;
using model::Dimension;
using model::SchemeSpec;
using model::TimeWindows;

const TimeWindows* time_of(const SchemeSpec& scheme) {
    for (const Dimension& dimension : scheme.dimensions) {
        if (const auto* windows = std::get_if<TimeWindows>(&dimension.values)) {
            return windows;
        }
    }
    return nullptr;
}

bool same_windows(const TimeWindows& a, const TimeWindows& b) {
    return a.unit == b.unit && a.every == b.every && a.cron == b.cron &&
           a.week_start == b.week_start && a.timezone == b.timezone;
}

// Keys mean the same in both: equal dimensions in equal order.
bool same_shape(const SchemeSpec& a, const SchemeSpec& b) {
    if (a.dimensions.size() != b.dimensions.size()) {
        return false;
    }
    for (size_t i = 0; i < a.dimensions.size(); ++i) {
        const Dimension& left = a.dimensions[i];
        const Dimension& right = b.dimensions[i];
        if (left.name != right.name || left.values.index() != right.values.index()) {
            return false;
        }
        const auto* windows = std::get_if<TimeWindows>(&left.values);
        if (windows != nullptr && !same_windows(*windows, std::get<TimeWindows>(right.values))) {
            return false;
        }
    }
    return true;
}

class ReferenceCheck {
 public:
    ReferenceCheck(
        const std::vector<const AssetSpec*>& assets,
        const std::map<std::string, model::PoolSpec>& pools,
        std::string_view tenant,
        const Applied& applied,
        UnknownNames unknown
    )
        : pools_(pools), tenant_(tenant), applied_(applied), unknown_(unknown) {
        for (const AssetSpec* asset : assets) {
            by_name_.emplace(asset->name, asset);
        }
    }

    std::vector<FieldError> run() {
        for (const auto& [name, asset] : by_name_) {
            check_upstream(*asset);
            check_pools(*asset);
        }
        for (const auto& [name, asset] : by_name_) {
            check_cycle(*asset);
        }
        return std::move(problems_);
    }

 private:
    const AssetSpec* find_asset(const std::string& name) const {
        if (const auto found = by_name_.find(name); found != by_name_.end()) {
            return found->second;
        }
        return applied_.asset ? applied_.asset(tenant_, name) : nullptr;
    }

    const model::PoolSpec* find_pool(const std::string& name) const {
        if (const auto found = pools_.find(name); found != pools_.end()) {
            return &found->second;
        }
        return applied_.pool ? applied_.pool(tenant_, name) : nullptr;
    }

    template <typename Map>
    static std::vector<std::string> names_of(const Map& map) {
        std::vector<std::string> names;
        for (const auto& [name, value] : map) {
            names.push_back(name);
        }
        return names;
    }

    // Of the file and of what is applied. `suggestions`: those made before.
    template <typename Map>
    std::string suggestion(
        const std::string& name,
        const Map& in_file,
        const std::function<std::vector<std::string>(std::string_view)>& applied_names,
        std::map<std::string, std::string>& suggestions
    ) const {
        const auto [told, fresh] = suggestions.try_emplace(name);
        if (fresh) {
            std::vector<std::string> known = names_of(in_file);
            if (applied_names) {
                const std::vector<std::string> more = applied_names(tenant_);
                known.insert(known.end(), more.begin(), more.end());
            }
            told->second = did_you_mean(name, known);
        }
        return told->second;
    }

    // The most that it ever gives out, in a window or without one; 0 = no limit.
    static int64_t most_of(const model::PoolSpec& pool) {
        int64_t most = pool.concurrency;
        for (const model::PoolWindow& window : pool.windows) {
            most = pool.concurrency > 0 ? std::max(most, window.concurrency) : 0;
        }
        return most;
    }

    void add(
        const AssetSpec& asset, std::string_view part, std::string_view name, std::string text
    ) {
        problems_.push_back(
            {fmt::format("assets.{}.{}.{}", asset.name, part, name), 0, std::move(text)}
        );
    }

    // No more are told.
    bool full() const { return problems_.size() >= kProblemsMax; }

    void check_upstream(const AssetSpec& asset) {
        for (const auto& [name, link] : asset.upstream) {
            if (full()) {
                return;
            }
            const AssetSpec* parent = find_asset(name);
            if (parent == nullptr) {
                if (unknown_ == UnknownNames::kLeave) {
                    continue;
                }
                add(asset,
                    "upstream",
                    name,
                    fmt::format(
                        "There is no asset \"{}\", neither in this file nor applied before.{}",
                        name,
                        suggestion(name, by_name_, applied_.asset_names, asset_suggestions_)
                    ));
                continue;
            }
            std::string problem = mapping_problem(asset.partitions, parent->partitions, link);
            if (!problem.empty()) {
                add(asset, "upstream", name, std::move(problem));
            }
        }
    }

    void check_pools(const AssetSpec& asset) {
        for (const auto& [name, units] : asset.pools) {
            if (full()) {
                return;
            }
            const model::PoolSpec* pool = find_pool(name);
            if (pool == nullptr) {
                if (unknown_ == UnknownNames::kLeave) {
                    continue;
                }
                add(asset,
                    "pools",
                    name,
                    fmt::format(
                        "There is no pool \"{}\", neither in this file nor applied before.{}",
                        name,
                        suggestion(name, pools_, applied_.pool_names, pool_suggestions_)
                    ));
                continue;
            }
            for (const int64_t limit : {most_of(*pool), pool->per_tenant_concurrency}) {
                if (limit > 0 && units > limit) {
                    add(asset,
                        "pools",
                        name,
                        fmt::format(
                            "A partition takes {} units, but the pool gives out at most {}: it "
                            "could never run.",
                            units,
                            limit
                        ));
                    break;
                }
            }
        }
    }

    // An asset on the way down, and those above it that are still to be looked at.
    struct Step {
        const AssetSpec* asset = nullptr;
        std::vector<std::string> upstream;
    };

    bool enter(const std::string& name, std::vector<Step>& way) {
        const AssetSpec* asset = find_asset(name);
        if (asset == nullptr || visited_.size() >= kGraphVisitsMax) {
            return asset == nullptr;
        }
        visited_.insert(name);
        way.push_back({asset, names_of(asset->upstream)});
        return true;
    }

    // Depth first without recursion; an asset is visited once for all searches.
    void check_cycle(const AssetSpec& start) {
        std::vector<Step> way;
        bool complete = visited_.contains(start.name) || enter(start.name, way);
        while (complete && !way.empty()) {
            if (way.back().upstream.empty()) {
                way.pop_back();
                continue;
            }
            const std::string next = std::move(way.back().upstream.back());
            way.back().upstream.pop_back();
            if (!visited_.contains(next)) {
                complete = enter(next, way);
            } else {
                report_cycle(way, next);
            }
        }
        if (!complete) {
            add(start, "upstream", "", "The graph of upstream assets is too large to check.");
        }
    }

    // A cycle exists when `next` is on the way that led to it.
    void report_cycle(const std::vector<Step>& way, const std::string& next) {
        std::vector<std::string> chain = {next};
        for (auto step = way.rbegin(); step != way.rend(); ++step) {
            chain.push_back(step->asset->name);
            if (step->asset->name == next) {
                add(*way.back().asset,
                    "upstream",
                    next,
                    fmt::format(
                        "An asset cannot wait for itself: {}.",
                        fmt::join(chain.rbegin(), chain.rend(), " needs ")
                    ));
                return;
            }
        }
    }

    std::map<std::string, const AssetSpec*> by_name_;
    const std::map<std::string, model::PoolSpec>& pools_;
    std::string_view tenant_;
    const Applied& applied_;
    UnknownNames unknown_;
    std::set<std::string> visited_;
    std::map<std::string, std::string> asset_suggestions_, pool_suggestions_;
    std::vector<FieldError> problems_;
};

}  // namespace

std::string mapping_problem(
    const SchemeSpec& child, const SchemeSpec& parent, const model::UpstreamLink& link
) {
    const bool both_time = time_of(child) != nullptr && time_of(parent) != nullptr;
    switch (link.mapping) {
        case model::UpstreamMapping::kSame:
            return same_shape(child, parent) ? ""
                                             : "Mapping \"same\" needs equal partitions on both "
                                               "sides; use overlap or all.";
        case model::UpstreamMapping::kOverlap:
            return both_time ? ""
                             : "Mapping \"overlap\" needs time windows on both sides; use all.";
        case model::UpstreamMapping::kOffset:
            return both_time && same_shape(child, parent)
                       ? ""
                       : "An offset needs equal time windows on both sides; use overlap or all.";
        case model::UpstreamMapping::kAll:
            return "";
    }
    return "";
}

std::vector<FieldError> check_references(
    const std::vector<const AssetSpec*>& assets,
    const std::map<std::string, model::PoolSpec>& pools,
    std::string_view tenant,
    const Applied& applied,
    UnknownNames unknown
) {
    return ReferenceCheck(assets, pools, tenant, applied, unknown).run();
}

}  // namespace servo::config
