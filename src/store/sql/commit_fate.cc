#include "store/sql/commit_fate.h"

#include <string_view>
#include <utility>

namespace servo::store::sql {
namespace {

constexpr std::pair<std::string_view, CommitFate> kFates[] = {
    {"deposed", CommitFate::kDeposed},
    {"store_full", CommitFate::kFull},
    // The batch is at fault, and would be again.
    {"constraint", CommitFate::kRefused},
    {"unknown_job", CommitFate::kRefused},
    {"unknown_revision", CommitFate::kRefused},
    {"bad_done_entries", CommitFate::kRefused},
    // Nothing was written, and loading afresh is the way out all the same.
    {"store_busy", CommitFate::kUnknown},
    {"store_corrupt", CommitFate::kBroken},
    {"store_io", CommitFate::kBroken},
    {"corrupt_payload", CommitFate::kBroken},
};

}  // namespace

CommitFate fate_of(const Error& error, CommitFate otherwise) {
    for (const auto& [reason, fate] : kFates) {
        if (error.reason == reason) {
            return fate;
        }
    }
    return otherwise;
}

}  // namespace servo::store::sql
