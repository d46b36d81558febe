#include <filesystem>

#include "base/text.h"
#include "cli/completion.h"
#include "cli/groups.h"
#include "cli/local_store.h"
#include "cli/text.h"
#include "cli/version.h"

namespace servo::cli {
namespace {

Result<int> version(Session& session) {
    boost::json::object json{
        {"client", SERVO_VERSION}, {"server", nullptr}, {"server_url", nullptr}};
    std::string text = std::string("client  ") + SERVO_VERSION + "\n";
    client::Client* client = SERVO_TRY(session.client());
    const std::string url = SERVO_TRY(session.connection())->server.value;
    json["server_url"] = url;
    const Result<api::Version> server = client->version();
    if (server) {
        json["server"] = server->version;
        json["schema_version"] = server->schema_version;
        text += "server  " + server->version + " at " + url + "\n";
    } else {
        text += "server  none at " + url + "\n";
    }
    session.output().thing({json, SERVO_VERSION, text});
    return kOk;
}

// One check of `doctor`: what was looked at, how it is, what to type.
struct Check {
    std::string name;
    std::string result;  // ok, warning, failed
    std::string detail;
};

class Doctor {
 public:
    explicit Doctor(Session& session) : session_(session) {}

    Result<int> run(const std::string& data_dir) {
        check_connection();
        check_server();
        check_store(data_dir);
        ListDocument document{{}, std::nullopt, Table({{"CHECK"}, {"RESULT"}, {"DETAIL"}}), {}, ""};
        bool failed = false;
        for (const Check& check : checks_) {
            failed = failed || check.result == "failed";
            document.items.push_back(boost::json::object{
                {"check", check.name}, {"result", check.result}, {"detail", check.detail}});
            document.names.push_back(check.name);
            const Tone tone = check.result == "ok"       ? Tone::kGood
                              : check.result == "failed" ? Tone::kBad
                                                         : Tone::kWarn;
            document.table.add({check.name, Cell(check.result, tone), check.detail});
        }
        session_.output().list(document);
        return failed ? kFailed : kOk;
    }

 private:
    void add(std::string name, std::string result, std::string detail) {
        checks_.push_back({std::move(name), std::move(result), std::move(detail)});
    }

    void check_connection() {
        const auto connection = session_.connection();
        if (!connection) {
            add("settings", "failed", connection.error().message);
            return;
        }
        add("settings",
            "ok",
            "server " + (*connection)->server.value + " from " + (*connection)->server.from);
    }

    void check_server() {
        const auto client = session_.client();
        if (!client) {
            return;
        }
        const Result<api::Version> version = (*client)->version();
        if (!version) {
            add("server", "failed", version.error().message);
            return;
        }
        const bool same = version->version == SERVO_VERSION;
        add("server",
            same ? "ok" : "warning",
            "version " + version->version + (same ? "" : ", this program is " SERVO_VERSION));
        const Result<api::Health> ready = (*client)->ready();
        add("ready", ready ? "ok" : "failed", ready ? ready->status : ready.error().message);
        check_status(**client);
    }

    void check_status(client::Client& client) {
        const Result<api::SystemStatus> status = client.get_status("");
        if (!status) {
            add("status", "failed", status.error().message);
            return;
        }
        if (!status->last_error.empty()) {
            add("last error", "warning", status->last_error);
        }
        if (status->executors_up == 0) {
            add("executors",
                status->pending_partitions > 0 ? "failed" : "warning",
                "none is up; start one with `servo executor`");
        } else {
            add("executors",
                status->executors_lost > 0 ? "warning" : "ok",
                std::to_string(status->executors_up) + " up, " +
                    std::to_string(status->executors_lost) + " lost, " +
                    std::to_string(status->slots) + " slots");
        }
        for (const api::WaitReason& reason : status->waiting) {
            if (!reason.release.empty()) {
                add("waiting",
                    "warning",
                    count(reason.partitions) + " " + reason.gate + " " + reason.subject + ": " +
                        reason.release);
            }
        }
    }

    void check_store(const std::string& data_dir) {
        LocalStore* store = session_.local_store();
        if (store == nullptr || !store->exists(data_dir)) {
            add("store", "ok", "none in " + data_dir + " on this machine");
            return;
        }
        std::error_code error;
        const auto space = std::filesystem::space(data_dir, error);
        constexpr uintmax_t kSpaceLow = 1'024ULL * 1'024 * 1'024;
        if (error) {
            add("disk", "failed", data_dir + ": " + error.message());
        } else {
            add("disk",
                space.available < kSpaceLow ? "warning" : "ok",
                bytes(static_cast<int64_t>(space.available)) + " free at " + data_dir);
        }
        const Result<SqlResult> answer = store->sql(data_dir, "SELECT count(*) FROM jobs", 1);
        add("store", answer ? "ok" : "failed", answer ? "readable" : answer.error().message);
    }

    Session& session_;
    std::vector<Check> checks_;
};

}  // namespace

void add_support_commands(Commands& commands) {
    auto data_dir = std::make_shared<std::string>("./.servo");
    CLI::App* doctor = commands.verb(
        commands.root(),
        {"doctor",
         "Check settings, server, executors and store; say what to do.",
         {"servo doctor"},
         "Exit code 1 when a check failed."},
        [data_dir](Session& session) { return Doctor(session).run(*data_dir); }
    );
    value_flag(*doctor, "--data-dir", *data_dir, "DIR", "Where the store lies (./.servo).");
    commands.verb(
        commands.root(),
        {"version",
         "Show the versions of this program and of the server.",
         {"servo version -o json"},
         ""},
        version
    );
    auto shell = std::make_shared<std::string>();
    CLI::App* completion = commands.verb(
        commands.root(),
        {"completion",
         "Print a completion script for a shell.",
         {"source <(servo completion bash)",
          "servo completion zsh > ~/.zfunc/_servo",
          "servo completion fish > ~/.config/fish/completions/servo.fish"},
         ""},
        [shell, &commands](Session& session) -> Result<int> {
            session.output().out() << SERVO_TRY(completion_script(commands, *shell));
            return kOk;
        }
    );
    argument(*completion, "shell", *shell, "bash, zsh or fish.")->required();
}

}  // namespace servo::cli
