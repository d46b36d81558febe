// What a slot process knows of the work it was given: compiled definitions, and the partitions of a
// grant in the order they are run. Single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/partition_scheme.h"
#include "model/protocol.h"

namespace servo::executor {

// A definition, ready to run. Immutable.
struct Program {
    model::Definition definition;
    std::shared_ptr<const model::PartitionScheme> scheme;  // null for synthetic
    std::string directory;        // where its processes start; empty: the executor's own
    std::optional<Error> broken;  // then each of its partitions fails: configuration
};

// `code_dir` overrides the definition's; may be empty.
std::shared_ptr<const Program> make_program(
    model::Definition definition, const std::string& code_dir
);

// One grant of a lease.
struct Part {
    uint64_t first_position = 0;
    model::Grant grant;
    std::shared_ptr<const Program> program;
    std::vector<model::Ordinal> ordinals;  // in the order the partitions are run
    std::vector<model::Index> indices;

    uint64_t end_position() const { return first_position + indices.size(); }
    size_t offset_of(uint64_t position) const { return position - first_position; }
    model::Token token_of(uint64_t position) const {
        return grant.token_base + static_cast<model::Token>(offset_of(position));
    }
};

// Error: internal / "bad_grant" when the grant's runs and ordinals do not match.
Result<std::shared_ptr<const Part>> make_part(
    uint64_t first_position, model::Grant grant, std::shared_ptr<const Program> program
);

// Consecutive partitions of one part that one process runs.
struct Unit {
    std::shared_ptr<const Part> part;
    uint64_t first = 0;  // position in the lease
    uint64_t count = 1;
    uint64_t end() const { return first + count; }
};

}  // namespace servo::executor
