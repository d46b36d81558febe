#include <fmt/format.h>

#include "base/text.h"
#include "config/options.h"
#include "model/asset_codec.h"

namespace servo::config {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kDayMs = 86'400 * kSecondMs;
constexpr int64_t kMebibyte = 1 << 20;
constexpr int64_t kPathMax = 4'095;
constexpr int64_t kUrlMax = 4'000;

// By name.
const std::vector<OptionDecl> kOptions = {
    {.name = "advertise_url",
     .form = OptionForm::kText,
     .doc =
         "Address at which the other servers on the same database, and executors, reach this one "
         "while it leads, such as `http://servo-1:7420`. Empty: made from `listen`.",
     .high = 255,
     .used_by = "server"},
    {.name = "code_dir",
     .form = OptionForm::kPath,
     .doc = "Folder that relative paths of a revision are resolved against. Empty: the folder that "
            "the asset file was applied from.",
     .high = kPathMax,
     .used_by = "executor"},
    {.name = "contacts",
     .form = OptionForm::kTexts,
     .doc = "Whom to ask, by the team that an alert is for; `servo status` shows them.",
     .low = 1,
     .high = 255,
     .words = {"oncall", "platform", "data-engineering", "vendor"},
     .used_by = "server"},
    {.name = "data_dir",
     .form = OptionForm::kPath,
     .doc = "Folder of the SQLite store. One server uses it at a time.",
     .usual = "./.servo",
     .low = 1,
     .high = kPathMax,
     .used_by = "server"},
    {.name = "database_url",
     .form = OptionForm::kText,
     .doc = "PostgreSQL database to use instead of SQLite: `postgresql://USER@HOST/NAME`, or words "
            "as libpq takes them. What it leaves out comes from the PG* variables and ~/.pgpass. "
            "Flags are seen by every user of the machine: give a password by the variable.",
     .high = kUrlMax,
     .used_by = "server",
     .secret = true},
    {.name = "drain_timeout",
     .form = OptionForm::kDuration,
     .doc =
         "How long a stopping executor lets running partitions finish before it kills them; killed "
         "ones spend no attempt.",
     .usual = "30s",
     .low = 0,
     .high = kDayMs,
     .used_by = "executor"},
    {.name = "executor_name",
     .form = OptionForm::kText,
     .doc = "Lasting name of the executor, unique among those of a server. Empty: the host's name.",
     .high = 128,
     .used_by = "executor"},
    {.name = "failures_keep",
     .form = OptionForm::kDuration,
     .doc = "How long failures and log tails are kept after their job ended.",
     .usual = "90d",
     .low = kDayMs,
     .high = 3'650 * kDayMs,
     .used_by = "server"},
    {.name = "health_listen",
     .form = OptionForm::kAddress,
     .doc =
         "Address where the executor answers /livez (503 when its loop hangs), /readyz (503 "
         "while it drains or has no server) and /metrics. Port 0 takes any free one and logs it.",
     .usual = "off",
     .words = {"off"},
     .used_by = "executor"},
    {.name = "history_keep",
     .form = OptionForm::kDuration,
     .doc = "How long ended jobs, events and ended tokens (but of role admin) are kept. The last "
            "outcome of every partition is kept for ever.",
     .usual = "400d",
     .low = kDayMs,
     .high = 3'650 * kDayMs,
     .used_by = "server"},
    {.name = "http_max_body",
     .form = OptionForm::kBytes,
     .doc = "Largest body of a request.",
     .usual = "1Mi",
     .low = 64 * 1'024,
     .high = 64 * kMebibyte,
     .used_by = "server"},
    {.name = "http_max_submit",
     .form = OptionForm::kBytes,
     .doc =
         "Largest body of a request that starts a backfill or applies a file: lists of partitions "
         "may be long.",
     .usual = "16Mi",
     .low = kMebibyte,
     .high = 256 * kMebibyte,
     .used_by = "server"},
    {.name = "ledger_hours_keep",
     .form = OptionForm::kDuration,
     .doc = "How long the hours of the ledger of time are kept.",
     .usual = "400d",
     .low = kDayMs,
     .high = 3'650 * kDayMs,
     .used_by = "server"},
    {.name = "ledger_minutes_keep",
     .form = OptionForm::kDuration,
     .doc = "How long the minutes of the ledger of time are kept.",
     .usual = "15d",
     .low = kDayMs,
     .high = 400 * kDayMs,
     .used_by = "server"},
    {.name = "listen",
     .form = OptionForm::kAddress,
     .doc = "Address of the API. Port 0 takes any free one and prints it.",
     .usual = "127.0.0.1:7420",
     .used_by = "server"},
    {.name = "log_format",
     .form = OptionForm::kWord,
     .doc = "Form of the log on stderr.",
     .usual = "text",
     .words = {"text", "json"},
     .used_by = "server, executor"},
    {.name = "log_level",
     .form = OptionForm::kWord,
     .doc = "Least level that is logged.",
     .usual = "info",
     .words = {"trace", "debug", "info", "warn", "error", "off"},
     .used_by = "server, executor"},
    {.name = "metrics_listen",
     .form = OptionForm::kAddress,
     .doc =
         "Address of `/metrics`, or `off`. `servo dev` exports only when it is given one. Beyond "
         "loopback it has TLS where the API has, and asks for a token of role metrics.",
     .usual = "127.0.0.1:7421",
     .words = {"off"},
     .used_by = "server"},
    {.name = "otlp_endpoint",
     .form = OptionForm::kText,
     .doc =
         "Where spans of backfills, leases and attempts are sent, by OTLP over HTTP in JSON, such "
         "as `http://127.0.0.1:4318`. Headers, such as a key, come from the variable "
         "OTEL_EXPORTER_OTLP_HEADERS. Empty: none are made.",
     .high = 2'000,
     .used_by = "server, executor"},
    {.name = "peer_ca",
     .form = OptionForm::kPath,
     .doc =
         "File of the authorities (PEM) that signed the certificates of the other servers on the "
         "same database, which requests are forwarded to. Empty: the system's.",
     .high = kPathMax,
     .used_by = "server"},
    {.name = "peer_name",
     .form = OptionForm::kText,
     .doc =
         "Host name that the certificates of the servers on one database share, such as that of "
         "the service before them. It is checked, in place of the host of `advertise_url`, when "
         "requests are forwarded and executors are sent on to the leader. The same on all. Empty: "
         "that host.",
     .high = 253,
     .used_by = "server"},
    {.name = "read_database_url",
     .form = OptionForm::kText,
     .doc = "A replica of `database_url`, for reports, events and lists of ended backfills. Empty, "
            "or while it does not answer: the database itself. Nothing that decides or lets in is "
            "read there.",
     .high = kUrlMax,
     .used_by = "server",
     .secret = true},
    {.name = "run_shell",
     .form = OptionForm::kWord,
     .doc =
         "Whether an asset's `shell: true` is run by `/bin/sh`. `off`: such partitions fail with "
         "class configuration.",
     .usual = "on",
     .words = {"on", "off"},
     .used_by = "executor"},
    {.name = "scratch_root",
     .form = OptionForm::kPath,
     .doc = "Where the private folders of running partitions are made. Empty: TMPDIR.",
     .high = kPathMax,
     .used_by = "executor"},
    {.name = "slots",
     .form = OptionForm::kSlots,
     .doc =
         "Partitions that an executor runs at once. `auto` or 0: as many as it has processors, by "
         "the limits of its cgroups (version 2 or 1), also when these change.",
     .usual = "auto",
     .low = 0,
     .high = 1'024,
     .used_by = "executor"},
    {.name = "thresholds",
     .form = OptionForm::kNumbers,
     .doc =
         "When the alerts fire, where it is not as usual: `render_monitoring.py --output DIR "
         "--config FILE` writes the rules for Prometheus with them. What each means stands in the "
         "chart's values.",
     .words =
         {"throughputFall",
          "throughputFallFast",
          "throughputFallStop",
          "throughputCompletionsMin",
          "claimLatencySeconds",
          "failureRatio",
          "failureAttemptsMin",
          "stuckSeconds",
          "pendingJobs",
          "missingSlotsRatio",
          "escalateDeadlineJobs"},
     .shares =
         {"throughputFall",
          "throughputFallFast",
          "throughputFallStop",
          "failureRatio",
          "missingSlotsRatio"},
     .used_by = "server"},
    {.name = "tls_cert",
     .form = OptionForm::kPath,
     .doc = "Certificate chain of the API, PEM; with it the API is HTTPS (TLS 1.2 or later). Read "
            "again when it changes. Empty: no TLS.",
     .high = kPathMax,
     .used_by = "server"},
    {.name = "tls_client_ca",
     .form = OptionForm::kPath,
     .doc = "Authority, PEM, that must have signed a certificate of every client. Empty: none is "
            "asked for.",
     .high = kPathMax,
     .used_by = "server"},
    {.name = "tls_key",
     .form = OptionForm::kPath,
     .doc = "Private key of `tls_cert`, PEM, without a password.",
     .high = kPathMax,
     .used_by = "server"},
};

std::string value_text(const OptionDecl& option) {
    switch (option.form) {
        case OptionForm::kText:
            return "text";
        case OptionForm::kPath:
            return "path";
        case OptionForm::kAddress:
            return option.words.empty() ? "host:port"
                                        : fmt::format("host:port, `{}`", option.words.front());
        case OptionForm::kInteger:
            return fmt::format("{} to {}", option.low, with_commas(option.high));
        case OptionForm::kSlots:
            return fmt::format("`auto`, {} to {}", option.low, with_commas(option.high));
        case OptionForm::kDuration:
            return fmt::format(
                "duration, {} to {}",
                format_duration(Millis(option.low)),
                format_duration(Millis(option.high))
            );
        case OptionForm::kBytes:
            return fmt::format(
                "size, {} to {}", model::format_bytes(option.low), model::format_bytes(option.high)
            );
        case OptionForm::kWord:
            return fmt::format("`{}`", fmt::join(option.words, "`, `"));
        case OptionForm::kTexts:
            return fmt::format("mapping of `{}` to text", fmt::join(option.words, "`, `"));
        case OptionForm::kNumbers:
            return fmt::format("mapping of `{}` to numbers", fmt::join(option.words, "`, `"));
    }
    return "";
}

constexpr std::string_view kIntroduction = R"(# Configuration

Options of `servo server`, `servo executor` and `servo dev`, which is both. Each can be given as a flag, as an
environment variable or under its name in the YAML file of `--config FILE` (or `SERVO_CONFIG`); a flag wins over the
environment, the environment over the file. Mappings have a place in the file alone. `servo config view --show-origin`
prints what is in force and the flag, variable, context or file that it came from; secrets are never printed.

| option | flag | environment | value | default | used by | meaning |
|---|---|---|---|---|---|---|
)";

constexpr std::string_view kFixed = R"(
Not options, because server and executors must agree on them: an executor reports every 2 s, a lease
lives 10 s without a report, and an executor stops its work 8 s after the last answer it got.
)";

}  // namespace

const std::vector<OptionDecl>& process_options() {
    return kOptions;
}

std::string options_reference() {
    std::string out(kIntroduction);
    for (const OptionDecl& option : process_options()) {
        const std::string usual = option.usual.empty() ? "" : fmt::format("`{}`", option.usual);
        const bool in_file_alone = is_mapping(option);
        out += fmt::format(
            "| `{}` | {} | {} | {} | {} | {} | {}{} |\n",
            option.name,
            in_file_alone ? "" : fmt::format("`{}`", flag_of(option)),
            in_file_alone ? "" : fmt::format("`{}`", variable_of(option)),
            value_text(option),
            usual,
            option.used_by,
            option.doc,
            option.secret ? " Secret." : ""
        );
    }
    return out + std::string(kFixed);
}

}  // namespace servo::config
