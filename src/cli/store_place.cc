#include "cli/store_place.h"

namespace servo::cli {

std::shared_ptr<ProcessFlags> add_store_flags(CLI::App& verb) {
    auto flags = std::make_shared<ProcessFlags>();
    value_flag(
        verb, "--data-dir", flags->typed["data_dir"], "DIR", "Where the store lies (./.servo)."
    );
    value_flag(
        verb,
        "--database-url",
        flags->typed["database_url"],
        "URL",
        "PostgreSQL database instead; keep passwords out of it, in PGPASSFILE or "
        "SERVO_DATABASE_URL."
    );
    value_flag(verb, "--config", flags->config_file, "FILE", "server.yaml that names the store.");
    return flags;
}

Result<StorePlace> store_place(const Environment& environment, const ProcessFlags& flags) {
    const ProcessRequest request = SERVO_TRY(resolve_process(environment, flags));
    const config::Options& options = request.options;
    const bool typed_dir = options.source("data_dir") == config::OptionSource::kFlag;
    const bool typed_url = options.source("database_url") == config::OptionSource::kFlag;
    StorePlace place{
        options.text("data_dir"), options.text("database_url"), options.text("read_database_url")};
    if (typed_dir && !typed_url) {
        place.database_url.clear();
    }
    return place;
}

}  // namespace servo::cli
