// Compiled asset revisions by (asset, revision): they never change, so each is read and compiled
// once. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "store/sql/rows.h"

namespace servo::store::sql {

constexpr size_t kRevisionsKept = 4'096;  // beyond it the cache starts afresh

class RevisionCache {
 public:
    // nullptr: no such revision.
    Result<std::shared_ptr<const AssetRevision>> get(Reader& db, AssetId asset, int revision);

 private:
    std::mutex mutex_;
    std::map<std::pair<AssetId, int>, std::shared_ptr<const AssetRevision>> known_;
};

}  // namespace servo::store::sql
