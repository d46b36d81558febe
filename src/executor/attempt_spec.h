// What a process of a partition is started with: argv and environment, as
// docs/reference/partition_programs.md lists them. Reads this process' environment for the few
// variables that are inherited.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "executor/spawn.h"
#include "executor/work.h"

namespace servo::executor {

struct AttemptPlaces {
    std::string scratch_dir;
    std::string result_file;
    std::string keys_file;  // batch
};

struct AttemptInput {
    const Unit& unit;
    const std::map<std::string, std::string>& secrets;
    const AttemptPlaces& places;
    Instant deadline;  // when it is killed
    bool allow_shell = true;
};

// For a command (unit of one) or a batch. Errors: "bad_template", "template_too_long",
// "no_such_partition", "shell_not_allowed", "program_not_found".
Result<ProcessSpec> attempt_spec(const AttemptInput& input);

// For a worker: what holds for all of its partitions.
Result<ProcessSpec> worker_spec(const AttemptInput& input);

// Keys of the unit's partitions in order.
Result<std::vector<std::string>> keys_of(const Unit& unit);

// The worker protocol's request for the unit's first partition, with its line end.
Result<std::string> worker_request(const Unit& unit, int64_t id);

}  // namespace servo::executor
