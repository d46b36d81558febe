// `set`, `unset` and what they share: an override has a reason and may end by itself.
#pragma once

#include <optional>
#include <string>

#include "api/admin.h"
#include "cli/command.h"

namespace servo::cli {

struct LeverArgs {
    std::string name;
    std::string reason;
    std::string hold_for;
};

void add_lever_flags(CLI::App& verb, LeverArgs& args);
// Checks --for. Error: invalid_argument / "bad_duration".
Status check_lever(const LeverArgs& args);
// A whole number as typed; nothing when it was not given.
Result<std::optional<int64_t>> given_number(
    std::string_view flag, const std::string& text, int64_t low, int64_t high
);
// "pool warehouse set" or "pool warehouse: already so", as text or as the reply's JSON.
void print_changed(
    Session& session,
    const api::Changed& reply,
    const std::string& what,
    const std::string& name,
    const std::string& done
);

}  // namespace servo::cli
