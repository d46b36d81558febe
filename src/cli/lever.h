// `set`, `unset` and what they share: an override has a reason and may end by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/admin.h"
#include "cli/command.h"
#include "client/client.h"

namespace servo::cli {

struct LeverArgs {
    std::string name;
    std::string reason;
    std::string hold_for;
};

// Kinds of things that levers are of, and the call that changes one.
template <typename Request>
struct Lever {
    std::string noun;  // "pool"
    Result<api::Changed> (client::Client::*call)(const std::string& name, const Request&);
    bool of_tenants = false;  // the name is that of the tenant which is changed
};

void add_lever_flags(CLI::App& verb, LeverArgs& args);
// --reason alone: of verbs that end something.
void add_reason_flag(CLI::App& verb, LeverArgs& args);
// Checks --for. Error: invalid_argument / "bad_duration".
Status check_lever(const LeverArgs& args);
// A whole number as typed; nothing when it was not given.
Result<std::optional<int64_t>> given_number(
    std::string_view flag, const std::string& text, int64_t low, int64_t high
);
// What `set` answers when no value was given; `example` is a flag with its value.
Error nothing_to_set(const std::string& noun, const std::string& example);
// "pool warehouse set" or "pool warehouse: already so", as text or as the reply's JSON.
void print_changed(
    Session& session,
    const api::Changed& reply,
    const std::string& what,
    const std::string& name,
    const std::string& done
);

// Sends `request` with the reason and the time that were typed, and prints what came of it; `done`
// completes "pool warehouse …". Error: "bad_duration" before anything is sent.
template <typename Request>
Result<int> pull(
    Session& session,
    const Lever<Request>& lever,
    const LeverArgs& args,
    Request request,
    const std::string& done
) {
    SERVO_CHECK(check_lever(args));
    request.hold_for = args.hold_for;
    request.reason = args.reason;
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(
        lever.of_tenants ? session.echo_change_of("tenant " + args.name) : session.echo_change()
    );
    const api::Changed reply = SERVO_TRY((client->*lever.call)(args.name, request));
    print_changed(session, reply, lever.noun, args.name, done);
    return kOk;
}

// A verb about one `noun`, whose name is its argument.
template <typename Args>
CLI::App* add_lever(
    Commands& commands,
    CLI::App& group,
    const std::string& noun,
    const VerbText& text,
    const std::shared_ptr<Args>& args,
    Result<int> (*run)(Session&, const Args&)
) {
    CLI::App* verb =
        commands.verb(group, text, [args, run](Session& session) { return run(session, *args); });
    argument(*verb, noun, args->name, "Name of the " + noun + ".")->required();
    return verb;
}

// `unset`: ends the override that `set` made.
template <typename Request>
void add_unset(
    Commands& commands,
    CLI::App& group,
    const Lever<Request>& lever,
    const VerbText& text,
    const std::string& done
) {
    auto args = std::make_shared<LeverArgs>();
    CLI::App* verb = commands.verb(group, text, [args, lever, done](Session& session) {
        Request request;
        request.unset = true;
        return pull(session, lever, *args, std::move(request), done);
    });
    argument(*verb, lever.noun, args->name, "Name of the " + lever.noun + ".")->required();
    add_reason_flag(*verb, *args);
}

}  // namespace servo::cli
