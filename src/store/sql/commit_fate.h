// What became of a commit that failed, by the reason of its error.
#pragma once

#include "base/result.h"
#include "store/store.h"

namespace servo::store::sql {

// `otherwise`: where the reason does not tell.
CommitFate fate_of(const Error& error, CommitFate otherwise);

}  // namespace servo::store::sql
