// What a resolved selection looks like on stderr, and the question before large ones. Shared by
// start and mark.
#pragma once

#include <string>
#include <string_view>

#include "api/backfill.h"
#include "cli/session.h"

namespace servo::cli {

constexpr uint64_t kAskAbovePartitions = 10'000;

// "[start, end) zone, N partitions, first … last", then what was cut or left out, a line each.
std::string describe_selection(const std::string& subject, const api::ResolvedSelection& resolved);

// `--partition KEY`…, `--partitions-file F|-`, `--dim name=a,b`, `--start`, `--end` as one request.
struct SelectionArgs {
    std::string start;
    std::string end;
    std::vector<std::string> keys;
    std::string keys_file;
    std::vector<std::string> dims;
};
// Errors: invalid_argument / "usage", "bad_dimension", "bad_partitions_file", kNamesNothing.
inline constexpr std::string_view kNamesNothing = "no_partition_named";  // a file without a key
Result<api::SelectionRequest> selection_of(
    const Environment& environment, const SelectionArgs& args
);

}  // namespace servo::cli
