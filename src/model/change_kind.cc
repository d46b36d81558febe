#include "model/change_kind.h"

#include <utility>

namespace servo::model {

std::string_view to_string(ChangeKind kind) {
    constexpr std::array<std::string_view, kChangeKindCount> kWords = {
        "apply", "limit", "pool", "executor", "backfill", "token", "leader", "other"};
    return kWords[static_cast<size_t>(kind)];
}

ChangeKind change_kind(std::string_view event_kind) {
    const size_t dot = event_kind.find('.');
    const std::string_view verb =
        dot == std::string_view::npos ? std::string_view() : event_kind.substr(dot + 1);
    if (verb == "set" || verb == "unset") {
        return ChangeKind::kLimit;
    }
    if (verb == "applied") {
        return ChangeKind::kApply;
    }
    constexpr std::array<std::pair<std::string_view, ChangeKind>, 7> kSubjects = {
        {{"asset", ChangeKind::kApply},
         {"tenant", ChangeKind::kApply},
         {"pool", ChangeKind::kPool},
         {"executor", ChangeKind::kExecutor},
         {"backfill", ChangeKind::kBackfill},
         {"token", ChangeKind::kToken},
         {"leader", ChangeKind::kLeader}}};
    for (const auto& [subject, kind] : kSubjects) {
        if (event_kind.substr(0, dot) == subject) {
            return kind;
        }
    }
    return ChangeKind::kOther;
}

}  // namespace servo::model
