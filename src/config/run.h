// `run`, `env` and `secrets` of an asset file: how a partition's program is started.
#pragma once

#include "config/fields.h"
#include "config/partitions.h"
#include "model/asset.h"

namespace servo::config {

constexpr int64_t kArgumentBytesMax = 128 * 1'024;  // one text of argv or env
constexpr size_t kArgvBytesMax = 1'024 * 1'024;     // all of argv
constexpr size_t kVariablesMax = 500;               // env and secrets, each

model::RunnerSpec read_run(const Fields& fields, Completeness completeness);

std::map<std::string, std::string> read_env(const Fields& asset);
// A reference; a value is refused without being repeated in the message.
model::SecretRef read_secret(
    const std::string& name, const YamlNode& value, const std::string& path, Problems& problems
);
std::map<std::string, model::SecretRef> read_secrets(const Fields& asset);

// Checks the templates in argv and env of a complete asset.
void check_templates(const Fields& asset, const model::AssetSpec& spec);

}  // namespace servo::config
