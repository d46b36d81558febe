// What a statement of `servo sql` returned.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace servo::store {

struct SqlCell {
    std::optional<std::string> text;  // nullopt: NULL; blobs, and text that is no UTF-8, as x'..'
    bool literal = false;             // to the database: 1 or true, and not '1'
    bool operator==(const SqlCell&) const = default;
};

struct SqlTable {
    std::vector<std::string> columns;
    std::vector<std::vector<SqlCell>> rows;
    bool cut = false;  // there were more than rows_max
};

}  // namespace servo::store
