// A store of either kind, opened: what apps hold.
#pragma once

#include <functional>
#include <memory>

#include "store/store.h"

namespace servo::store {

// Tenants, pools, assets with their latest revisions, and executors, as stored.
struct Definitions {
    Snapshot snapshot;  // the rest of it is empty
    Instant as_of;      // by the database's clock: everything committed until then is in it
};

// `archive` is destroyed before `store`; the database is left cleanly when both are gone.
struct OpenedStore {
    std::unique_ptr<Store> store;
    std::unique_ptr<Archive> archive;
    // For a server that does not lead. Thread-safe; empty where no other server can lead.
    std::function<Result<Definitions>()> definitions;
    bool created = false;  // the database is new
};

}  // namespace servo::store
