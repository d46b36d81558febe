#include "executor/attempt_spec.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cstdlib>

#include "base/rfc3339.h"
#include "base/text.h"
#include "model/job_id.h"
#include "model/template.h"
#include "model/trace.h"

extern char** environ;

namespace servo::executor {
namespace {

using Variables = std::map<std::string, std::string>;

// Where a program without a slash in its name is looked for when nothing else says it.
constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

Variables inherited() {
    Variables variables;
    for (const char* name : {"PATH", "HOME", "LANG", "TZ", "TMPDIR"}) {
        if (const char* value = std::getenv(name)) {
            variables[name] = value;
        }
    }
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const size_t equals = text.find('=');
        if (text.starts_with("LC_") && equals != std::string_view::npos) {
            variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
        }
    }
    variables.try_emplace("PATH", kDefaultPath);
    return variables;
}

std::string variable_name(std::string_view name) {
    std::string result;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        result += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
    }
    return result;
}

// Of the program's parent: its attempt.
std::string trace_parent(const model::Grant& grant, model::Token token) {
    return model::to_traceparent(
        {model::trace_of(grant.job, grant.traceparent),
         model::span_of_attempt(token),
         model::trace_recorded(grant.traceparent)}
    );
}

Result<model::PartitionInfo> describe(const Part& part, uint64_t position) {
    return part.program->scheme->describe(part.ordinals[part.offset_of(position)]);
}

// The asset's env with its templates expanded, and its secrets; names of ours are not theirs to
// set.
Status add_own(
    Variables& variables, const AttemptInput& input, const model::TemplateValues& values
) {
    const model::AssetSpec& spec = input.unit.part->program->definition.spec;
    for (const auto& [name, text] : spec.env) {
        variables[name] =
            SERVO_TRY(model::expand_template(text, values, model::TemplateSyntax::kPlain));
    }
    for (const auto& [name, value] : input.secrets) {
        variables[name] = value;
    }
    std::erase_if(variables, [](const auto& entry) { return entry.first.starts_with("SERVO_"); });
    return {};
}

void add_common(Variables& variables, const AttemptInput& input) {
    const Part& part = *input.unit.part;
    const model::Definition& definition = part.program->definition;
    variables["SERVO_TENANT_ID"] = part.grant.tenant_name;
    variables["SERVO_ASSET_NAME"] = definition.spec.name;
    variables["SERVO_ASSET_REVISION"] = std::to_string(definition.revision);
    variables["SERVO_SCRATCH_DIR"] = input.places.scratch_dir;
    if (!part.program->scheme->timezone().empty()) {
        variables["SERVO_PARTITION_TIMEZONE"] = part.program->scheme->timezone();
    }
}

void add_attempt(Variables& variables, const AttemptInput& input) {
    const Part& part = *input.unit.part;
    const model::Token token = part.token_of(input.unit.first);
    variables["SERVO_BACKFILL_ID"] = model::to_text(part.grant.job);
    variables["SERVO_ATTEMPT"] = std::to_string(part.grant.attempt);
    variables["SERVO_GENERATION"] = std::to_string(part.grant.generation);
    variables["SERVO_FENCING_TOKEN"] = std::to_string(token);
    variables["SERVO_DEADLINE"] = format_rfc3339(input.deadline);
    variables["SERVO_RESULT_FILE"] = input.places.result_file;
    variables["TRACEPARENT"] = trace_parent(part.grant, token);
}

void add_window(Variables& variables, const model::TemplateValues& values) {
    if (!values.start.empty()) {
        variables["SERVO_PARTITION_START"] = values.start;
        variables["SERVO_PARTITION_END"] = values.end;
    }
}

void add_partition(
    Variables& variables, const AttemptInput& input, const model::TemplateValues& values
) {
    const model::Grant& grant = input.unit.part->grant;
    variables["SERVO_PARTITION_KEY"] = values.key;
    for (const auto& [name, part] : values.dimensions) {
        variables["SERVO_PARTITION_DIM_" + variable_name(name)] = part;
    }
    variables["SERVO_IDEMPOTENCY_KEY"] =
        fmt::format("{}:{}:{}", model::to_text(grant.job), values.key, grant.generation);
}

Result<model::TemplateValues> values_of_one(const Unit& unit) {
    const Part& part = *unit.part;
    model::PartitionInfo info = SERVO_TRY(describe(part, unit.first));
    model::TemplateValues values;
    values.key = std::move(info.key);
    values.start = std::move(info.start_text);
    values.end = std::move(info.end_text);
    values.index = part.indices[part.offset_of(unit.first)];
    values.dimensions = std::move(info.dimensions);
    values.tenant = part.grant.tenant_name;
    values.attempt = part.grant.attempt;
    return values;
}

// The hull of the windows; no key, since a batch has many.
Result<model::TemplateValues> values_of_many(const Unit& unit) {
    const Part& part = *unit.part;
    model::TemplateValues values;
    values.tenant = part.grant.tenant_name;
    values.attempt = part.grant.attempt;
    std::optional<model::Window> hull;
    for (uint64_t position = unit.first; position < unit.end(); ++position) {
        const model::PartitionInfo info = SERVO_TRY(describe(part, position));
        if (!info.window) {
            continue;
        }
        if (!hull || info.window->start < hull->start) {
            values.start = info.start_text;
        }
        if (!hull || info.window->end > hull->end) {
            values.end = info.end_text;
        }
        hull = model::Window{
            hull ? std::min(hull->start, info.window->start) : info.window->start,
            hull ? std::max(hull->end, info.window->end) : info.window->end};
    }
    return values;
}

// A name without a slash is looked for in PATH; the first that may be executed wins.
Result<std::string> find_program(const std::string& name, const std::string& path) {
    if (name.find('/') != std::string::npos) {
        return name;
    }
    for (const std::string& folder : split(path, ':')) {
        // An empty entry means the working directory, which nobody should run programs from.
        const std::string candidate = folder + "/" + name;
        if (folder.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    return fail(not_found(
        "program_not_found",
        fmt::format(
            "the program {} is not in PATH ({}) on this executor: install it there, or write a "
            "path relative to the asset file, such as ./{}",
            shell_quote(name),
            path,
            name
        )
    ));
}

Result<ProcessSpec> finish_spec(
    const AttemptInput& input, const model::TemplateValues& values, const Variables& variables
) {
    const Program& program = *input.unit.part->program;
    const model::RunnerSpec& run = program.definition.spec.run;
    ProcessSpec spec;
    if (run.shell) {
        if (!input.allow_shell) {
            return fail(failed_precondition(
                "shell_not_allowed",
                "this executor does not run shell commands: write the command as a list without "
                "`shell: true`, or ask those who run the executor for `--run-shell on`"
            ));
        }
        spec.argv = {"/bin/sh", "-c"};
    }
    for (size_t i = 0; i < run.argv.size(); ++i) {
        const bool script = run.shell && i == 0;
        spec.argv.push_back(SERVO_TRY(model::expand_template(
            run.argv[i],
            values,
            script ? model::TemplateSyntax::kShell : model::TemplateSyntax::kPlain
        )));
        if (script) {
            spec.argv.emplace_back("sh");  // $0
        }
    }
    spec.program = SERVO_TRY(find_program(spec.argv[0], variables.at("PATH")));
    spec.directory = program.directory;
    spec.env.reserve(variables.size());
    for (const auto& [name, value] : variables) {
        spec.env.push_back(fmt::format("{}={}", name, value));
    }
    return spec;
}

}  // namespace

Result<ProcessSpec> attempt_spec(const AttemptInput& input) {
    const bool batch =
        input.unit.part->program->definition.spec.run.kind == model::RunnerKind::kBatch;
    const model::TemplateValues values =
        SERVO_TRY(batch ? values_of_many(input.unit) : values_of_one(input.unit));
    Variables variables = inherited();
    SERVO_CHECK(add_own(variables, input, values));
    add_common(variables, input);
    add_attempt(variables, input);
    add_window(variables, values);
    if (batch) {
        variables["SERVO_PARTITION_KEYS_FILE"] = input.places.keys_file;
    } else {
        add_partition(variables, input, values);
    }
    return finish_spec(input, values, variables);
}

Result<ProcessSpec> worker_spec(const AttemptInput& input) {
    model::TemplateValues values;
    values.tenant = input.unit.part->grant.tenant_name;
    Variables variables = inherited();
    SERVO_CHECK(add_own(variables, input, values));
    add_common(variables, input);
    variables["SERVO_ANSWER_FD"] = "3";
    return finish_spec(input, values, variables);
}

Result<std::vector<std::string>> keys_of(const Unit& unit) {
    std::vector<std::string> keys;
    keys.reserve(unit.count);
    for (uint64_t position = unit.first; position < unit.end(); ++position) {
        keys.push_back(SERVO_TRY(describe(*unit.part, position)).key);
    }
    return keys;
}

Result<std::string> worker_request(const Unit& unit, int64_t id) {
    const model::PartitionInfo info = SERVO_TRY(describe(*unit.part, unit.first));
    boost::json::object request;
    request["id"] = id;
    request["key"] = info.key;
    if (!info.start_text.empty()) {
        request["start"] = info.start_text;
        request["end"] = info.end_text;
    }
    request["attempt"] = unit.part->grant.attempt;
    request["token"] = unit.part->token_of(unit.first);
    return boost::json::serialize(request) + "\n";
}

}  // namespace servo::executor
