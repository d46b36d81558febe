#include "cli/session.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <istream>
#include <ostream>

#include "base/assert.h"
#include "base/suggest.h"
#include "cli/context.h"
#include "cli/version.h"

namespace servo::cli {
namespace {

constexpr size_t kTokenBytesMax = 4'096;
constexpr size_t kActorBytesMax = 64;

Result<std::string> read_token(const std::string& path) {
    std::ifstream in(path);
    std::string token;
    if (!in || !std::getline(in, token) || token.empty() || token.size() > kTokenBytesMax) {
        return fail(invalid_argument(
            "bad_token_file",
            "The context's token file " + path +
                " cannot be read or holds no token. Set SERVO_TOKEN, or repair it "
                "with `servo context set NAME --token-file FILE`."
        ));
    }
    return token;
}

Origin pick(
    const Environment& environment,
    const std::string& flag,
    const char* flag_name,
    const char* variable,
    const std::string& from_context,
    const std::string& context_name,
    std::string_view otherwise
) {
    Origin out = typed(environment, flag, flag_name, variable);
    if (!out.value.empty()) {
        return out;
    }
    if (!from_context.empty()) {
        return {from_context, "context", "context " + context_name};
    }
    return {std::string(otherwise), "default", ""};
}

// The user's name, for the server's audit trail where no token names one.
std::string actor_of(const Environment& environment) {
    std::string name = environment.variable("USER").value_or("");
    if (name.empty()) {
        if (const passwd* entry = getpwuid(geteuid()); entry != nullptr) {
            name = entry->pw_name;
        }
    }
    std::string clean;
    for (const char c : name.substr(0, kActorBytesMax)) {
        const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '@' || c == '-';
        clean += good ? c : '_';
    }
    return clean;
}

}  // namespace

Result<Connection> resolve_connection(const Environment& environment, const GlobalFlags& flags) {
    const std::string path = context_path(environment);
    const ContextFile file = SERVO_TRY(load_contexts(path));
    Connection connection;
    connection.context = typed(environment, flags.context, "--context", "SERVO_CONTEXT");
    const bool named = !connection.context.value.empty();
    if (!named && !file.current.empty()) {
        connection.context = {file.current, "file", path};
    }
    const std::string& name = connection.context.value;
    Context context;
    if (const auto found = file.contexts.find(name); found != file.contexts.end()) {
        context = found->second;
    } else if (named) {
        std::vector<std::string> known;
        for (const auto& [other, unused] : file.contexts) {
            known.push_back(other);
        }
        return fail(not_found(
            "no_such_context",
            "There is no context \"" + name + "\"." + did_you_mean(name, known) +
                " `servo context list` shows them."
        ));
    }
    connection.server = pick(
        environment, flags.server, "--server", "SERVO_SERVER", context.server, name, kDefaultServer
    );
    connection.server.value = SERVO_TRY(client::check_server_url(connection.server.value));
    connection.tenant =
        pick(environment, flags.tenant, "--tenant", "SERVO_TENANT", context.tenant, name, "");
    connection.ca_file =
        pick(environment, flags.ca_file, "--ca-file", "SERVO_CA_FILE", context.ca_file, name, "");
    connection.client_cert = pick(
        environment,
        flags.client_cert,
        "--client-cert",
        "SERVO_CLIENT_CERT",
        context.client_cert,
        name,
        ""
    );
    connection.client_key = pick(
        environment,
        flags.client_key,
        "--client-key",
        "SERVO_CLIENT_KEY",
        context.client_key,
        name,
        ""
    );
    if (connection.client_cert.value.empty() != connection.client_key.value.empty()) {
        return fail(invalid_argument(
            "usage", "A client certificate needs both --client-cert FILE and --client-key FILE."
        ));
    }
    connection.token = typed(environment, "", "", "SERVO_TOKEN");
    if (connection.token.value.empty() && !context.token_file.empty()) {
        connection.token = {SERVO_TRY(read_token(context.token_file)), "file", context.token_file};
    }
    return connection;
}

client::HttpOptions http_options(const Connection& connection, std::string user_agent) {
    return {
        connection.server.value,
        connection.token.value,
        std::move(user_agent),
        connection.ca_file.value,
        connection.client_cert.value,
        connection.client_key.value,
        "Start one with `servo dev`, or name another with --server URL or SERVO_SERVER."};
}

Session::Session(
    const Environment& environment,
    GlobalFlags flags,
    OutputOptions output,
    LocalStore* store,
    Processes* processes
)
    : environment_(environment),
      flags_(std::move(flags)),
      output_(environment_, output),
      store_(store),
      processes_(processes) {}

void Session::only_typed_tenant(std::string instead) {
    SERVO_ASSERT(!client_);
    instead_of_tenant_ = std::move(instead);
    connection_.reset();
}

Result<const Connection*> Session::connection() {
    if (!connection_) {
        connection_ = SERVO_TRY(resolve_connection(environment_, flags_));
        if (!instead_of_tenant_.empty() && flags_.tenant.empty()) {
            connection_->tenant = {"", "default", ""};
        }
    }
    return &*connection_;
}

Result<client::Client*> Session::client() {
    if (!client_) {
        const Connection* to = SERVO_TRY(connection());
        const bool several = to->tenant.value.find(',') != std::string::npos;
        if (several && !several_tenants_) {
            return fail(invalid_argument(
                "usage", "--tenant \"" + to->tenant.value + "\": this command takes one tenant."
            ));
        }
        client_ = std::make_unique<client::Client>(
            environment_.make_http(http_options(*to, "servo-cli/" SERVO_VERSION)),
            client::ClientOptions{
                several ? "" : to->tenant.value,
                actor(),
                environment_.variable("TRACEPARENT").value_or("")}
        );
    }
    return client_.get();
}

std::string Session::tenant_name() {
    const auto to = connection();
    return to && !(*to)->tenant.value.empty() ? (*to)->tenant.value : "default";
}

Result<bool> Session::tenant_is_said() {
    const Connection* to = SERVO_TRY(connection());
    return !to->tenant.value.empty() || !instead_of_tenant_.empty();
}

std::string Session::actor() const {
    return actor_of(environment_);
}

std::string Session::tenant_flag() const {
    return flags_.tenant.empty() ? "" : " --tenant " + flags_.tenant;
}

Status Session::echo_change() {
    const Connection* to = SERVO_TRY(connection());
    std::string whose = "tenant " + to->tenant.value;
    if (to->tenant.value.empty() && !to->token.value.empty()) {
        whose += "as the token says";
    } else if (to->tenant.value.empty()) {
        whose = instead_of_tenant_.empty() ? "tenant default" : instead_of_tenant_;
    }
    return echo_change_of(whose);
}

Status Session::echo_change_of(const std::string& whose) {
    const Connection* to = SERVO_TRY(connection());
    output_.note("server " + to->server.value + (whose.empty() ? "" : ", " + whose));
    return {};
}

Result<bool> Session::confirm(const std::string& question, bool yes) {
    if (yes) {
        return true;
    }
    if (!environment_.in_is_terminal || !environment_.err_is_terminal || flags_.no_input) {
        return fail(invalid_argument(
            "needs_yes", question + " There is no terminal to ask at: add --yes to go on."
        ));
    }
    *environment_.err << question << " Go on? [y/N] " << std::flush;
    std::string answer;
    std::getline(*environment_.in, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

std::string describe(const Error& error) {
    std::string text = error.message;
    const bool alone = error.fields.size() == 1;
    for (const FieldError& field : error.fields) {
        const std::string said =
            alone || field.field.empty() ? field.message : field.field + ": " + field.message;
        if (error.message.find(said) != std::string::npos) {
            continue;  // the message may be the first of them
        }
        text += "\n  ";
        if (field.line > 0) {
            text += "line " + std::to_string(field.line) + ": ";
        }
        if (!field.field.empty()) {
            text += field.field + ": ";
        }
        text += field.message;
    }
    return text;
}

}  // namespace servo::cli
