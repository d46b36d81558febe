// Looks for damage inside a write-ahead log. SQLite ends its reading silently at the first frame
// whose checksum does not match, since a crash may tear the last transaction. With synchronous FULL
// nothing before the last transaction can be torn, so a log in which more than one commit lies
// behind such a frame has lost acknowledged batches.
#pragma once

#include <string>

#include "base/result.h"

namespace servo::store::sqlite {

// `path` is the log's; an absent or empty one is sound. Error: internal / "store_corrupt" without
// advice (see explain in database.h).
Status check_log(const std::string& path);

}  // namespace servo::store::sqlite
