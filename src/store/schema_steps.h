// The steps of a store's schema, as people see them.
#pragma once

#include <string>
#include <vector>

namespace servo::store {

struct SchemaStep {
    int version = 0;
    std::string name;
    std::string kind;  // compatible, breaking
};

struct SchemaSteps {
    std::vector<SchemaStep> steps;
    // What applies them by hand, the records in schema_migrations with it; "" when there are none.
    std::string script;
};

}  // namespace servo::store
