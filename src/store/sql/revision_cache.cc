#include "store/sql/revision_cache.h"

namespace servo::store::sql {

Result<std::shared_ptr<const AssetRevision>> RevisionCache::get(
    Reader& db, AssetId asset, int revision
) {
    const std::pair key(asset, revision);
    {
        const std::lock_guard lock(mutex_);
        const auto it = known_.find(key);
        if (it != known_.end()) {
            return it->second;
        }
    }
    Query query = SERVO_TRY(db.query(
        "SELECT " SERVO_REVISION_COLUMNS
        " FROM asset_revisions WHERE asset_id = ? AND revision = ?",
        asset,
        revision
    ));
    if (!SERVO_TRY(query.step())) {
        return nullptr;
    }
    const auto read = SERVO_TRY(read_revision(query));
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kRevisionsKept) {
        known_.clear();
    }
    return known_.emplace(key, read).first->second;
}

}  // namespace servo::store::sql
