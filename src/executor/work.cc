#include "executor/work.h"

#include <algorithm>

namespace servo::executor {

std::shared_ptr<const Program> make_program(
    model::Definition definition, const std::string& code_dir
) {
    auto program = std::make_shared<Program>();
    program->definition = std::move(definition);
    program->directory = code_dir.empty() ? program->definition.code_dir : code_dir;
    const model::AssetSpec& spec = program->definition.spec;
    if (spec.run.kind == model::RunnerKind::kSynthetic) {
        return program;
    }
    if (spec.run.argv.empty()) {
        program->broken =
            internal("bad_definition", "the asset's definition did not reach the slot");
        return program;
    }
    auto scheme = model::PartitionScheme::compile(spec.partitions);
    if (scheme) {
        program->scheme = *std::move(scheme);
    } else {
        program->broken = std::move(scheme.error());
    }
    return program;
}

Result<std::shared_ptr<const Part>> make_part(
    uint64_t first_position, model::Grant grant, std::shared_ptr<const Program> program
) {
    uint64_t total = 0;
    for (const model::Run& run : grant.runs) {
        total += run.end > run.first ? run.size() : model::kPartitionsPerGrantMax + 1;
    }
    uint64_t ordinals = 0;
    for (const model::OrdinalRun& run : grant.ordinals) {
        ordinals += std::min(run.count, model::kPartitionsPerGrantMax + 1);
    }
    if (total == 0 || total > model::kPartitionsPerGrantMax || ordinals != total) {
        return fail(internal("bad_grant", "the runs and ordinals of a grant do not match"));
    }
    auto part = std::make_shared<Part>();
    part->first_position = first_position;
    part->indices.reserve(total);
    part->ordinals.reserve(total);
    for (const model::Run& run : grant.runs) {
        for (model::Index index = run.first; index < run.end; ++index) {
            part->indices.push_back(index);
        }
    }
    for (const model::OrdinalRun& run : grant.ordinals) {
        for (uint64_t i = 0; i < run.count; ++i) {
            part->ordinals.push_back(run.first + static_cast<int64_t>(i) * run.stride);
        }
    }
    // Indices ascend, so their ordinals are all of them in one order or the other, whether they
    // came run by run or merged.
    std::sort(part->ordinals.begin(), part->ordinals.end());
    if (grant.reversed) {
        std::reverse(part->ordinals.begin(), part->ordinals.end());
    }
    part->grant = std::move(grant);
    part->program = std::move(program);
    return std::shared_ptr<const Part>(std::move(part));
}

}  // namespace servo::executor
