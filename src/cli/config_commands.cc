#include "cli/context.h"
#include "cli/groups.h"
#include "cli/process_flags.h"

namespace servo::cli {
namespace {

struct Setting {
    std::string name;
    std::string value;
    std::string from;
};

Result<int> view(Session& session, const ProcessFlags& flags) {
    const Connection* to = SERVO_TRY(session.connection());
    const std::string hidden = to->token.value.empty() ? "" : "(hidden)";
    std::vector<Setting> settings = {
        {"server", to->server.value, to->server.from},
        {"tenant", to->tenant.value, to->tenant.from},
        {"ca_file", to->ca_file.value, to->ca_file.from},
        {"client_cert", to->client_cert.value, to->client_cert.from},
        {"client_key", to->client_key.value, to->client_key.from},
        {"token", hidden, to->token.from},
        {"context_file", context_path(session.environment()), "environment"}};
    const ProcessRequest process = SERVO_TRY(resolve_process(session.environment(), flags));
    for (const config::Options::Row& row : process.options.rows()) {
        settings.push_back({row.name, row.value, std::string(config::to_string(row.source))});
    }
    ListDocument document{{}, std::nullopt, Table({{"SETTING"}, {"VALUE"}, {"FROM"}}), {}, ""};
    for (const Setting& setting : settings) {
        document.items.push_back(boost::json::object{
            {"setting", setting.name}, {"value", setting.value}, {"from", setting.from}});
        document.names.push_back(setting.name);
        document.table.add({setting.name, setting.value.empty() ? "-" : setting.value, setting.from}
        );
    }
    session.output().list(document);
    return kOk;
}

}  // namespace

void add_config_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"config", "The settings in force and where they come from.", {"servo config view"}, ""}
    );
    auto flags = std::make_shared<ProcessFlags>();
    CLI::App* verb = commands.verb(
        *group,
        {"view",
         "Show each setting of commands, server and executor, and where it comes from.",
         {"servo config view", "servo config view --config /etc/servo/server.yaml"},
         "Secrets are never shown."},
        [flags](Session& session) { return view(session, *flags); }
    );
    value_flag(*verb, "--config", flags->config_file, "FILE", "Options in a file (server.yaml).");
}

}  // namespace servo::cli
