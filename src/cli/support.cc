#include <filesystem>

#include "base/text.h"
#include "cli/completion.h"
#include "cli/groups.h"
#include "cli/store_place.h"
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
        text += "server  none at " + url + ": " + server.error().message + "\n";
    }
    session.output().thing({json, SERVO_VERSION, text});
    return kOk;
}

class Doctor {
 public:
    explicit Doctor(Session& session) : session_(session) {}

    Result<int> run(const ProcessFlags& flags) {
        check_connection();
        check_server();
        check_store(flags);
        ListDocument document{{}, std::nullopt, Table({{"CHECK"}, {"RESULT"}, {"DETAIL"}}), {}, ""};
        bool failed = false;
        for (const StoreCheck& check : checks_) {
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
        const Origin& server = (*connection)->server;
        add("settings",
            "ok",
            "server " + server.value + " from " + (server.where.empty() ? "default" : server.where)
        );
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
                status->executors_drained > 0
                    ? "none takes work, " + std::to_string(status->executors_drained) +
                          " drained or ending; `servo executor undrain NAME` takes one back"
                    : "none is up; start one with `servo executor`");
        } else {
            add("executors",
                status->executors_lost > 0 ? "warning" : "ok",
                executor_counts(*status) + ", " + std::to_string(status->slots) + " slots");
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

    void check_store(const ProcessFlags& flags) {
        const Result<StorePlace> place = store_place(session_.environment(), flags);
        if (!place) {
            add("store", "failed", place.error().message);
            return;
        }
        LocalStore* store = session_.local_store();
        if (store == nullptr || !store->exists(*place)) {
            add("store", "ok", "none in " + place->data_dir + " on this machine");
            return;
        }
        if (place->database_url.empty()) {
            check_disk(place->data_dir);
        }
        for (StoreCheck& check : store->examine(*place)) {
            checks_.push_back(std::move(check));
        }
    }

    void check_disk(const std::string& data_dir) {
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
    }

    Session& session_;
    std::vector<StoreCheck> checks_;
};

}  // namespace

void add_support_commands(Commands& commands) {
    auto store = std::make_shared<std::shared_ptr<ProcessFlags>>();
    CLI::App* doctor = commands.verb(
        commands.root(),
        {"doctor",
         "Check settings, server, executors and store; say what to do.",
         {"servo doctor", "SERVO_DATABASE_URL=postgresql://db/servo servo doctor"},
         "Exit code 1 when a check failed."},
        [store](Session& session) { return Doctor(session).run(**store); }
    );
    *store = add_store_flags(*doctor);
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
