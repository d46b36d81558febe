#include "config/run.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/asset_codec.h"
#include "model/template.h"

namespace servo::config {
namespace {

constexpr std::array<std::string_view, 4> kRunners = {"command", "worker", "batch", "synthetic"};

void check_argv(const Fields& fields, std::string_view key, const std::vector<std::string>& argv) {
    if (argv.empty()) {
        fields.problem(key, "Needs at least the program to start.");
        return;
    }
    if (argv[0].empty()) {
        fields.problem(key, "The program's name, the first of the list, is empty.");
    }
    size_t bytes = 0;
    for (const std::string& text : argv) {
        bytes += text.size() + 1;
        if (text.size() > static_cast<size_t>(kArgumentBytesMax)) {
            bytes = kArgvBytesMax + 1;
        }
    }
    if (bytes > kArgvBytesMax) {
        fields.problem(
            key,
            fmt::format(
                "Is too long: {} bytes for one text, {} for all are the limit. Put a script into a "
                "file.",
                kArgumentBytesMax,
                kArgvBytesMax
            )
        );
    }
}

std::vector<std::string> read_argv_items(const Fields& run, std::string_view runner) {
    std::vector<std::string> argv;
    const YamlNode& list = *run.find(runner);
    for (size_t i = 0; i < list.items.size(); ++i) {
        const auto text = read_text(
            list.items[i],
            fmt::format("{}[{}]", run.path(runner), i),
            kArgumentBytesMax,
            run.problems()
        );
        argv.push_back(text.value_or("?"));
    }
    check_argv(run, runner, argv);
    return argv;
}

void read_synthetic(const Fields& fields, model::SyntheticSpec& out) {
    fields.micros("duration", out.duration);
    if (int per_mille = 0; fields.percent("spread", per_mille)) {
        out.spread_percent = per_mille / 10;
        if (per_mille % 10 != 0) {
            fields.problem("spread", "Must be a whole percentage, such as 20%.");
        }
    }
    fields.percent("fail_rate", out.fail_per_mille);
    if (std::string name; fields.word("fail_class", name)) {
        out.fail_class = *model::failure_class_from(name);
    }
}

void read_options(const Fields& options, Completeness completeness, model::RunnerSpec& out) {
    if (out.kind == model::RunnerKind::kSynthetic) {
        read_synthetic(options, out.synthetic);
        return;
    }
    if (options.text_list("argv", out.argv)) {
        check_argv(options, "argv", out.argv);
    } else if (completeness == Completeness::kComplete) {
        options.require({"argv"});
    }
    if (out.kind == model::RunnerKind::kCommand) {
        options.boolean("shell", out.shell);
    }
    if (out.kind == model::RunnerKind::kBatch) {
        options.integer("size", out.batch_size);
    }
}

std::string script_advice(std::string_view runner, const YamlNode& node) {
    if (runner == "synthetic") {
        return "Must be a mapping such as {duration: 100ms}.";
    }
    if (node.kind == YamlNode::Kind::kScalar && runner == "command") {
        return "Must be a list, such as [python3, load.py]; for a shell script write "
               "{argv: [\"…\"], shell: true}.";
    }
    return fmt::format("Must be a list, such as [./{}.sh], or a mapping with argv.", runner);
}

void check_template_at(
    const Fields& asset,
    const YamlNode& node,
    const std::string& path,
    const model::TemplateScope& scope,
    model::TemplateSyntax syntax
) {
    const Status status = model::check_template(node.text, scope, syntax);
    if (!status) {
        asset.problems().add(path, node, status.error().message);
    }
}

model::TemplateScope template_scope(const model::AssetSpec& spec) {
    model::TemplateScope scope;
    if (spec.run.kind == model::RunnerKind::kWorker) {
        scope.use = model::TemplateUse::kWorker;
    } else if (spec.run.kind == model::RunnerKind::kBatch) {
        scope.use = model::TemplateUse::kBatch;
    }
    scope.has_window = false;
    for (const model::Dimension& dimension : spec.partitions.dimensions) {
        scope.has_window |= std::holds_alternative<model::TimeWindows>(dimension.values);
        if (!dimension.name.empty()) {
            scope.dimensions.push_back(dimension.name);
        }
    }
    return scope;
}

// The list that holds argv, whichever way it was written; null pointer for synthetic.
const YamlNode* argv_node(const Fields& asset, std::string_view runner, std::string& path) {
    const YamlNode* run = asset.find("run");
    const YamlNode* node = run == nullptr ? nullptr : run->find(runner);
    path = fmt::format("{}.{}", asset.path("run"), runner);
    if (node != nullptr && node->kind == YamlNode::Kind::kMapping) {
        node = node->find("argv");
        path += ".argv";
    }
    return node;
}

}  // namespace

model::RunnerSpec read_run(const Fields& fields, Completeness completeness) {
    model::RunnerSpec out;
    std::string_view runner;
    for (const std::string_view name : kRunners) {
        if (runner.empty() && fields.has(name)) {
            runner = name;
        }
    }
    if (runner.empty()) {
        if (completeness == Completeness::kComplete) {
            fields.problems().add(
                fields.path(),
                fields.node(),
                "Needs exactly one runner: command, worker, batch or synthetic."
            );
        }
        return out;
    }
    out.kind = *model::runner_kind_from(runner);
    const YamlNode& node = *fields.find(runner);
    const bool is_list = node.kind == YamlNode::Kind::kSequence;
    if (is_list && out.kind != model::RunnerKind::kSynthetic) {
        out.argv = read_argv_items(fields, runner);
    } else if (node.kind == YamlNode::Kind::kMapping) {
        read_options(*fields.child(runner), completeness, out);
    } else {
        fields.problem(runner, script_advice(runner, node));
    }
    return out;
}

std::map<std::string, std::string> read_env(const Fields& asset) {
    std::map<std::string, std::string> out;
    asset.entries(
        "env",
        kVariableNames,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            const KeyDecl& decl = *find_key(Scope::kAsset, "env");
            if (const auto text = read_text(value, path, decl.high, asset.problems())) {
                out[name] = *text;
            }
        }
    );
    if (out.size() > kVariablesMax) {
        asset.problem("env", fmt::format("Has more than {} variables.", kVariablesMax));
    }
    return out;
}

model::SecretRef read_secret(
    const std::string& name, const YamlNode& value, const std::string& path, Problems& problems
) {
    model::SecretRef secret;
    if (value.kind != YamlNode::Kind::kMapping) {
        problems.add(
            path,
            value,
            fmt::format(
                "A secret is a reference that the executor looks up, never the value itself, since "
                "this file is stored and shown. Write {0}: {{env: NAME}} or {0}: {{file: /path}}.",
                name
            )
        );
        return secret;
    }
    const Fields fields(value, Scope::kSecret, path, problems);
    if (fields.text("env", secret.env) && !is_env_name(secret.env)) {
        fields.problem(
            "env",
            "Takes the name of a variable of the executor (letters, digits and \"_\"), not a value."
        );
    }
    fields.text("file", secret.file);
    if (!fields.has("env") && !fields.has("file")) {
        problems.add(path, value, "Needs exactly one of: env, file.");
    }
    return secret;
}

std::map<std::string, model::SecretRef> read_secrets(const Fields& asset) {
    std::map<std::string, model::SecretRef> out;
    asset.entries(
        "secrets",
        kVariableNames,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            out[name] = read_secret(name, value, path, asset.problems());
        }
    );
    if (out.size() > kVariablesMax) {
        asset.problem("secrets", fmt::format("Has more than {} variables.", kVariablesMax));
    }
    return out;
}

void check_templates(const Fields& asset, const model::AssetSpec& spec) {
    const model::TemplateScope scope = template_scope(spec);
    std::string path;
    const YamlNode* argv = argv_node(asset, to_string(spec.run.kind), path);
    for (size_t i = 0; argv != nullptr && i < argv->items.size(); ++i) {
        const bool is_script = spec.run.shell && i == 0;
        check_template_at(
            asset,
            argv->items[i],
            fmt::format("{}[{}]", path, i),
            scope,
            is_script ? model::TemplateSyntax::kShell : model::TemplateSyntax::kPlain
        );
    }
    const YamlNode* env = asset.find("env");
    if (env == nullptr) {
        return;
    }
    for (const YamlEntry& entry : env->entries) {
        if (!is_ignored_key(entry.name)) {
            check_template_at(
                asset,
                entry.value,
                fmt::format("{}.{}", asset.path("env"), entry.name),
                scope,
                model::TemplateSyntax::kPlain
            );
        }
    }
}

}  // namespace servo::config
