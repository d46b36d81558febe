// A store of either kind, opened: what apps hold.
#pragma once

#include <memory>

#include "store/store.h"

namespace servo::store {

// `archive` is destroyed before `store`; the database is left cleanly when both are gone.
struct OpenedStore {
    std::unique_ptr<Store> store;
    std::unique_ptr<Archive> archive;
    bool created = false;  // the database is new
};

}  // namespace servo::store
