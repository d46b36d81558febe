#include "cli/lever.h"

#include "base/text.h"

namespace servo::cli {

void add_lever_flags(CLI::App& verb, LeverArgs& args) {
    value_flag(
        verb, "--reason", args.reason, "TEXT", "Why; shown in lists and in the audit trail."
    );
    value_flag(verb, "--for", args.hold_for, "TIME", "Ends by itself after this (2h, 1d).");
}

void add_reason_flag(CLI::App& verb, LeverArgs& args) {
    value_flag(verb, "--reason", args.reason, "TEXT", "Why; kept in the audit trail.");
}

Status check_lever(const LeverArgs& args) {
    if (!args.hold_for.empty()) {
        SERVO_CHECK(parse_duration(args.hold_for));
    }
    return {};
}

Result<std::optional<int64_t>> given_number(
    std::string_view flag, const std::string& text, int64_t low, int64_t high
) {
    if (text.empty()) {
        return std::optional<int64_t>();
    }
    return std::optional<int64_t>(SERVO_TRY(flag_number(flag, text, low, high)));
}

Error nothing_to_set(const std::string& noun, const std::string& example) {
    return invalid_argument(
        "usage", "servo " + noun + " set: nothing to set; for example " + example + "."
    );
}

void print_changed(
    Session& session,
    const api::Changed& reply,
    const std::string& what,
    const std::string& name,
    const std::string& done
) {
    session.output().thing(
        {api::to_json(reply),
         name,
         what + ' ' + name + (reply.changed ? " " + done : ": already so") + "\n"}
    );
}

}  // namespace servo::cli
