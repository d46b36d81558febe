// What a statement of `servo sql` returned, as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace servo::store {

struct SqlTable {
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;  // nullopt: NULL; blobs as x'..'
    bool cut = false;                                           // there were more than rows_max
};

}  // namespace servo::store
