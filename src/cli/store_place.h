// Where a store lies, for the verbs that work on it without a server: flags, environment and
// server.yaml, as the server itself would read them.
#pragma once

#include <memory>

#include "cli/command.h"
#include "cli/local_store.h"
#include "cli/process_flags.h"

namespace servo::cli {

// --data-dir, --database-url and --config.
std::shared_ptr<ProcessFlags> add_store_flags(CLI::App& verb);

// A --data-dir that was typed wins over a database that was not. Errors: those of resolve_process.
Result<StorePlace> store_place(const Environment& environment, const ProcessFlags& flags);

}  // namespace servo::cli
