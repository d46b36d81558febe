#include "config/asset_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "config/pools.h"
#include "config/run.h"
#include "model/asset_codec.h"
#include "model/labels.h"

namespace servo::config {
namespace {

std::string class_advice(const std::string& typed, const std::vector<std::string>& known) {
    return fmt::format(
        "\"{}\" is not one of {}.{}", typed, join(known, ", "), did_you_mean(typed, known)
    );
}

std::map<std::string, std::string> read_labels(const Fields& asset) {
    std::map<std::string, std::string> out;
    asset.entries(
        "labels",
        kLabelNames,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            const int64_t length_max = find_key(Scope::kAsset, "labels")->high;
            const auto text = read_text(value, path, length_max, asset.problems());
            if (text && !model::label_ok(name, *text)) {
                asset.problems().add(
                    path, value, "Must have a character, and no control characters."
                );
            } else if (text) {
                out[name] = *text;
            }
        }
    );
    if (out.size() > model::kLabelsMax) {
        asset.problem("labels", fmt::format("Has more than {} labels.", model::kLabelsMax));
    }
    return out;
}

std::map<int, model::FailureClass> read_exit_codes(const Fields& asset) {
    std::map<int, model::FailureClass> out;
    const std::vector<std::string> known = exit_code_classes();
    const NameRule rule = {
        [](std::string_view text) {
            return !text.starts_with('0') && parse_integer(text, 1, 255).has_value();
        },
        "exit code",
        "1 to 255; 0 is success"};
    asset.entries(
        "exit_codes",
        rule,
        [&](const std::string& code, const YamlNode& value, const std::string& path) {
            const auto name = read_text(value, path, 40, asset.problems());
            if (!name) {
                return;
            }
            if (std::find(known.begin(), known.end(), *name) == known.end()) {
                asset.problems().add(path, value, class_advice(*name, known));
                return;
            }
            out[static_cast<int>(*parse_integer(code, 1, 255))] = *model::failure_class_from(*name);
        }
    );
    return out;
}

void read_attempts(const Fields& retries, std::map<model::FailureClass, int>& out) {
    const std::vector<std::string> classes = counted_classes();
    const std::string known = join(classes, ", ");
    const KeyDecl& decl = *find_key(Scope::kRetries, "by_class");
    const NameRule rule = {
        [](std::string_view text) {
            const auto klass = model::failure_class_from(text);
            return klass.has_value() && traits(*klass).counts_attempt;
        },
        "failure class whose attempts are counted",
        known,
        &classes};
    retries.entries(
        "by_class",
        rule,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            if (const auto count =
                    read_integer(value, path, decl.low, decl.high, retries.problems())) {
                out[*model::failure_class_from(name)] = static_cast<int>(*count);
            }
        }
    );
}

model::RetryPolicy read_retries(const Fields& retries, Completeness completeness) {
    model::RetryPolicy out;
    if (int64_t count = 0; retries.integer("max_attempts", count)) {
        out.max_attempts = static_cast<int>(count);
    }
    read_attempts(retries, out.by_class);
    if (const auto backoff = retries.child("backoff")) {
        backoff->duration("initial", out.backoff_initial);
        backoff->duration("max", out.backoff_max);
        if (completeness == Completeness::kComplete && out.backoff_initial > out.backoff_max) {
            backoff->problem(
                backoff->has("initial") ? "initial" : "max",
                fmt::format(
                    "\"initial\" ({}) must not be longer than \"max\" ({}).",
                    format_duration(out.backoff_initial),
                    format_duration(out.backoff_max)
                )
            );
        }
    }
    retries.duration("external_max_elapsed", out.external_max_elapsed);
    return out;
}

// `same`, `overlap`, `all` or {offset: -1}.
void read_mapping(const Fields& fields, model::UpstreamLink& out) {
    const YamlNode* node = fields.find("mapping");
    if (node == nullptr) {
        return;
    }
    const KeyDecl& decl = *find_key(Scope::kUpstreamLink, "mapping");
    const bool is_word = node->kind == YamlNode::Kind::kScalar;
    const auto mapping = is_word ? model::upstream_mapping_from(node->text)
                                 : std::optional<model::UpstreamMapping>();
    if (mapping && *mapping != model::UpstreamMapping::kOffset) {
        out.mapping = *mapping;
        return;
    }
    const YamlNode* offset = node->find("offset");
    if (offset == nullptr || node->entries.size() != 1) {
        fields.problem("mapping", "Must be same, overlap, all, or {offset: -1}.");
        return;
    }
    const std::string path = fields.path("mapping") + ".offset";
    if (const auto count = read_integer(*offset, path, decl.low, decl.high, fields.problems())) {
        if (*count == 0) {
            fields.problems().add(path, *offset, "An offset of 0 windows is mapping: same.");
        }
        out.mapping = model::UpstreamMapping::kOffset;
        out.offset = static_cast<int>(*count);
    }
}

std::map<std::string, model::UpstreamLink> read_upstream(const Fields& asset) {
    std::map<std::string, model::UpstreamLink> out;
    const NameRule rule = {
        [](std::string_view text) {
            return is_name(text) || text.find('/') != std::string_view::npos;
        },
        kAssetNames.noun,
        kAssetNames.hint};
    asset.entries(
        "upstream",
        rule,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            if (name.find('/') != std::string::npos) {
                asset.problems().add(
                    path,
                    value,
                    fmt::format("\"{}\", another tenant's asset, is not in this version.", name)
                );
                return;
            }
            model::UpstreamLink link;
            read_mapping(Fields(value, Scope::kUpstreamLink, path, asset.problems()), link);
            out.emplace(name, link);
        }
    );
    return out;
}

void check_complete(const Fields& fields, const model::AssetSpec& spec) {
    fields.require({"partitions", "run"});
    for (const auto& [name, secret] : spec.secrets) {
        if (spec.env.contains(name)) {
            fields.problem(
                "secrets", fmt::format("\"{}\" is also in env; keep one of the two.", name)
            );
        }
    }
}

}  // namespace

model::AssetSpec read_asset_body(
    const std::string& name, const Fields& fields, Completeness completeness
) {
    const size_t reported_before = fields.problems().reported();
    model::AssetSpec spec;
    spec.name = name;
    fields.text("owner", spec.owner);
    fields.text("description", spec.description);
    if (const auto partitions = fields.child("partitions")) {
        spec.partitions = read_partitions(*partitions, completeness);
    }
    if (const auto run = fields.child("run")) {
        spec.run = read_run(*run, completeness);
    }
    spec.env = read_env(fields);
    spec.secrets = read_secrets(fields);
    if (const auto resources = fields.child("resources")) {
        resources->bytes("memory", spec.memory_bytes);
        resources->cpu("cpu", spec.cpu_milli);
    }
    spec.labels = read_labels(fields);
    fields.duration("timeout", spec.timeout);
    if (const auto retries = fields.child("retries")) {
        spec.retries = read_retries(*retries, completeness);
    }
    spec.exit_codes = read_exit_codes(fields);
    if (const auto limits = fields.child("limits")) {
        limits->integer("concurrency", spec.concurrency);
    }
    spec.pools = read_units(fields);
    fields.text("code_version", spec.code_version);
    fields.boolean("sequential", spec.sequential);
    spec.upstream = read_upstream(fields);
    if (completeness == Completeness::kComplete) {
        check_complete(fields, spec);
        if (fields.problems().reported() == reported_before) {
            check_templates(fields, spec);
        }
    }
    return spec;
}

}  // namespace servo::config
