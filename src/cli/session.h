// One run of the CLI: the global flags as resolved, the connection, and how it talks to its user.
// Not thread-safe, except interrupt callbacks as noted in environment.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/environment.h"
#include "cli/exit_code.h"
#include "cli/origin.h"
#include "cli/output.h"
#include "client/client.h"

namespace servo::cli {

class LocalStore;
class Processes;

constexpr std::string_view kDefaultServer = "http://127.0.0.1:7420";

// As typed; empty = not given.
struct GlobalFlags {
    std::string server;
    std::string tenant;
    std::string context;
    std::string ca_file;
    std::string client_cert;
    std::string client_key;
    std::string output;
    bool no_color = false;
    bool quiet = false;
    bool no_input = false;
};

struct Connection {
    Origin context;  // its name; empty: none
    Origin server;
    Origin tenant;
    Origin ca_file;
    Origin client_cert;
    Origin client_key;
    Origin token;  // value is the token itself: never print it
};
// Flag before environment before context before default.
// Errors: "bad_context_file", "bad_server_url", not_found / "no_such_context", "bad_token_file".
Result<Connection> resolve_connection(const Environment& environment, const GlobalFlags& flags);

// How to reach the server of `connection`.
client::HttpOptions http_options(const Connection& connection, std::string user_agent);

class Session {
 public:
    Session(
        const Environment& environment,
        GlobalFlags flags,
        OutputOptions output,
        LocalStore* store,
        Processes* processes
    );

    const Environment& environment() const { return environment_; }
    const GlobalFlags& flags() const { return flags_; }
    Output& output() { return output_; }
    Instant now() const { return environment_.now(); }

    // `--tenant a,b` is then no error, and left to the caller to send.
    void allow_several_tenants() { several_tenants_ = true; }

    // A tenant that the environment or the context says, and nobody typed, is then left out, and
    // echo_change() says `instead` ("all tenants"): for what says itself whose it is. To be called
    // before client().
    void only_typed_tenant(std::string instead);

    // Made on first use. Pointers stay valid as long as the session.
    Result<client::Client*> client();
    Result<const Connection*> connection();
    // Whether a flag, the environment, the context or only_typed_tenant() says whose it is.
    Result<bool> tenant_is_said();
    // For messages and for `--tenant` in commands to type: "default" when none was given.
    std::string tenant_name();
    // Who acts, as the audit trail has it where no token says so.
    std::string actor() const;
    // " --tenant acme" when one was given on the command line, for commands to type.
    std::string tenant_flag() const;

    // "server …, tenant …" on stderr; every command that changes something calls it first.
    Status echo_change();
    // The same of a change whose tenant is no matter of flags and contexts: "tenant acme"; empty:
    // of no tenant.
    Status echo_change_of(const std::string& whose);

    // True: go on. False: the user said no. Without a terminal, or with --no-input, an unconfirmed
    // question is an error: invalid_argument / "needs_yes".
    Result<bool> confirm(const std::string& question, bool yes);

    // Null where the program was built or called without one.
    LocalStore* local_store() { return store_; }
    Processes* processes() { return processes_; }

 private:
    const Environment& environment_;
    GlobalFlags flags_;
    Output output_;
    LocalStore* store_;
    Processes* processes_;
    bool several_tenants_ = false;
    std::string instead_of_tenant_;  // empty: any tenant that is said counts
    std::optional<Connection> connection_;
    std::unique_ptr<client::Client> client_;
};

// The error as people read it: the sentence, then each bad field on its own line.
std::string describe(const Error& error);

}  // namespace servo::cli
