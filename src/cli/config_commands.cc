#include "cli/context.h"
#include "cli/groups.h"
#include "cli/process_flags.h"

namespace servo::cli {
namespace {

struct ViewArgs {
    ProcessFlags flags;
    bool show_origin = false;
};

struct Setting {
    std::string name;
    Origin origin;
};

// Which variable the path of the contexts follows.
Origin context_file(const Environment& environment) {
    const std::string path = context_path(environment);
    if (path.empty()) {
        return {"", "default", ""};
    }
    const bool xdg = !environment.variable("XDG_CONFIG_HOME").value_or("").empty();
    return {path, "environment", xdg ? "XDG_CONFIG_HOME" : "HOME"};
}

std::vector<Setting> of_commands(const Connection& to, const Environment& environment) {
    Origin token = to.token;
    token.value = token.value.empty() ? "" : "(hidden)";
    return {
        {"server", to.server},
        {"tenant", to.tenant},
        {"ca_file", to.ca_file},
        {"client_cert", to.client_cert},
        {"client_key", to.client_key},
        {"token", token},
        {"context", to.context},
        {"context_file", context_file(environment)}};
}

std::vector<Setting> of_processes(const ProcessRequest& request) {
    std::vector<Setting> out;
    for (const config::Options::Row& row : request.options.rows()) {
        const bool in_file = row.source == config::OptionSource::kFile;
        out.push_back(
            {row.name,
             {row.value,
              config::to_string(row.source),
              in_file ? request.config_file.value : row.where}}
        );
    }
    out.push_back({"config_file", request.config_file});
    return out;
}

Result<int> view(Session& session, const ViewArgs& args) {
    std::vector<Setting> settings =
        of_commands(*SERVO_TRY(session.connection()), session.environment());
    const ProcessRequest process = SERVO_TRY(resolve_process(session.environment(), args.flags));
    for (Setting& setting : of_processes(process)) {
        settings.push_back(std::move(setting));
    }
    ListDocument document{
        {},
        std::nullopt,
        Table({{"SETTING"}, {"VALUE"}, {"FROM"}, {"ORIGIN", Align::kLeft, !args.show_origin}}),
        {},
        ""};
    for (const auto& [name, origin] : settings) {
        document.items.push_back(boost::json::object{
            {"setting", name},
            {"value", origin.value},
            {"from", origin.from},
            {"origin", origin.where}});
        document.names.push_back(name);
        document.table.add(
            {name,
             origin.value.empty() ? "-" : origin.value,
             std::string(origin.from),
             origin.where.empty() ? "-" : origin.where}
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
    auto args = std::make_shared<ViewArgs>();
    CLI::App* verb = commands.verb(
        *group,
        {"view",
         "Show each setting of commands, server and executor, and where it comes from.",
         {"servo config view",
          "servo config view --show-origin",
          "servo config view --config /etc/servo/server.yaml"},
         "Secrets are never shown."},
        [args](Session& session) { return view(session, *args); }
    );
    value_flag(
        *verb, "--config", args->flags.config_file, "FILE", "Options in a file (server.yaml)."
    );
    switch_flag(
        *verb,
        "--show-origin",
        args->show_origin,
        "Also the flag, variable, context or file that each comes from."
    );
}

}  // namespace servo::cli
