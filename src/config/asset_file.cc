#include "config/asset_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "config/asset_body.h"
#include "config/fields.h"
#include "config/merge.h"
#include "config/pools.h"

namespace servo::config {
namespace {

void read_tenants(const Fields& file, AssetFile& out) {
    const auto accept = [&](const YamlNode& node, const std::string& path) {
        const auto name = read_text(node, path, 200, file.problems());
        if (!name) {
            return;
        }
        if (!is_tenant_name(*name)) {
            file.problems().add(
                path,
                node,
                fmt::format("\"{}\" is not a valid tenant name; use {}.", *name, kTenantNames.hint)
            );
        } else if (std::find(out.tenants.begin(), out.tenants.end(), *name) != out.tenants.end()) {
            file.problems().add(path, node, fmt::format("\"{}\" is listed twice.", *name));
        } else {
            out.tenants.push_back(*name);
        }
    };
    if (const YamlNode* one = file.find("tenant")) {
        out.tenant_choice = TenantChoice::kListed;
        accept(*one, file.path("tenant"));
    } else if (const YamlNode* many = file.find("tenants")) {
        if (many->kind == YamlNode::Kind::kScalar && many->text == "all") {
            out.tenant_choice = TenantChoice::kAll;
            return;
        }
        out.tenant_choice = TenantChoice::kListed;
        const bool usable = many->kind == YamlNode::Kind::kSequence && !many->items.empty() &&
                            many->items.size() <= kTenantsMax;
        if (!usable) {
            file.problem(
                "tenants",
                fmt::format("Must be a list of 1 to {} tenants, or the word all.", kTenantsMax)
            );
            return;
        }
        for (size_t i = 0; i < many->items.size(); ++i) {
            accept(many->items[i], fmt::format("{}[{}]", file.path("tenants"), i));
        }
    }
}

YamlNode without_overrides(const YamlNode& body) {
    YamlNode out = body;
    std::erase_if(out.entries, [](const YamlEntry& entry) { return entry.name == "overrides"; });
    return out;
}

// Reads the assets of one file; the limits are those of the file as a whole.
class AssetReader {
 public:
    AssetReader(const Fields& file, AssetFile& out) : file_(file), out_(out) {}

    void run() {
        if (const auto defaults = file_.child("defaults")) {
            defaults_ = defaults->node();
            check_fragment(*defaults);
        }
        defaults_.kind = YamlNode::Kind::kMapping;
        file_.entries(
            "assets",
            kAssetNames,
            [this](const std::string& name, const YamlNode& value, const std::string& path) {
                read_asset(name, value, path);
            }
        );
    }

 private:
    void check_fragment(const Fields& fragment) {
        if (fragment.has("overrides")) {
            fragment.problem("overrides", "\"overrides\" belongs to a single asset.");
        }
        read_asset_body("", fragment, Completeness::kFragment);
    }

    bool within_limits(const YamlNode& merged, const YamlNode& at, const std::string& path) {
        nodes_ += count_nodes(merged);
        ++resolved_;
        if (out_.assets.size() < kAssetsMax && resolved_ <= kResolvedAssetsMax &&
            nodes_ <= kResolvedNodesMax) {
            return true;
        }
        file_.problems().add(
            path,
            at,
            fmt::format(
                "The file is too large here: at most {} assets, {} with their overrides, and {} "
                "values in them with `defaults` counted for each. Split it: `servo apply` takes "
                "folders.",
                kAssetsMax,
                kResolvedAssetsMax,
                kResolvedNodesMax
            )
        );
        full_ = true;
        return false;
    }

    void read_asset(const std::string& name, const YamlNode& value, const std::string& path) {
        if (full_) {
            return;
        }
        const Fields body(value, Scope::kAsset, path, file_.problems());
        const YamlNode merged = merge_asset(defaults_, without_overrides(body.node()));
        if (!within_limits(merged, value, path)) {
            return;
        }
        out_.lines[path] = value.line;
        AssetEntry entry;
        entry.spec = read_resolved(name, merged, path);
        body.entries(
            "overrides",
            kTenantNames,
            [&](const std::string& tenant, const YamlNode& over, const std::string& over_path) {
                read_override(
                    entry,
                    tenant,
                    merged,
                    Fields(over, Scope::kAsset, over_path, file_.problems()),
                    path
                );
            }
        );
        out_.assets.push_back(std::move(entry));
    }

    void read_override(
        AssetEntry& entry,
        const std::string& tenant,
        const YamlNode& base,
        const Fields& over,
        const std::string& path
    ) {
        if (full_) {
            return;
        }
        const std::vector<std::string>& listed = out_.tenants;
        if (out_.tenant_choice == TenantChoice::kListed &&
            std::find(listed.begin(), listed.end(), tenant) == listed.end()) {
            file_.problems().add(
                over.path(),
                over.node(),
                fmt::format(
                    "\"{}\" is not among the file's tenants.{}",
                    shown(tenant),
                    did_you_mean(shown(tenant), listed)
                )
            );
            return;
        }
        check_fragment(over);
        const YamlNode merged = merge_asset(base, without_overrides(over.node()));
        if (within_limits(merged, over.node(), over.path())) {
            entry.overridden.emplace(tenant, read_resolved(entry.spec.name, merged, path));
        }
    }

    model::AssetSpec read_resolved(
        const std::string& name, const YamlNode& merged, const std::string& path
    ) {
        for (const std::string_view part : {"upstream", "pools"}) {
            const YamlNode* references = merged.find(part);
            if (references == nullptr) {
                continue;
            }
            for (const YamlEntry& entry : references->entries) {
                out_.lines[fmt::format("{}.{}.{}", path, part, entry.name)] = entry.line;
            }
            for (const YamlNode& item : references->items) {
                out_.lines[fmt::format("{}.{}.{}", path, part, item.text)] = item.line;
            }
        }
        return read_asset_body(
            name, Fields(merged, Scope::kAsset, path, file_.problems()), Completeness::kComplete
        );
    }

    const Fields& file_;
    AssetFile& out_;
    YamlNode defaults_;
    size_t resolved_ = 0;
    size_t nodes_ = 0;
    bool full_ = false;
};

// The tenants whose assets differ in what they refer to; "" stands for all without an override.
std::vector<std::string> views(const AssetFile& file) {
    std::set<std::string> out(file.tenants.begin(), file.tenants.end());
    if (file.tenant_choice != TenantChoice::kListed) {
        out.insert("");
        for (const AssetEntry& entry : file.assets) {
            for (const auto& [tenant, spec] : entry.overridden) {
                out.insert(tenant);
            }
        }
    }
    return {out.begin(), out.end()};
}

std::vector<FieldError> check_view(
    const AssetFile& file, std::string_view tenant, const Applied& applied, UnknownNames unknown
) {
    std::vector<FieldError> problems =
        check_references(assets_for(file, tenant), file.pools, tenant, applied, unknown);
    for (FieldError& problem : problems) {
        const auto line = file.lines.find(problem.field);
        problem.line = line == file.lines.end() ? 0 : line->second;
    }
    return problems;
}

std::vector<FieldError> check_views(const AssetFile& file, const Applied& applied) {
    const bool alone = !applied.asset && !applied.pool;
    const bool listed = file.tenant_choice == TenantChoice::kListed;
    // Of a file that lists no tenants, what is applied is not known: whose would it be?
    const Applied nothing;
    const Applied& known = listed ? applied : nothing;
    const UnknownNames unknown = alone || listed ? UnknownNames::kReport : UnknownNames::kLeave;
    std::vector<FieldError> found;
    std::set<std::pair<std::string, std::string>> seen;
    for (const std::string& tenant : views(file)) {
        if (found.size() >= kProblemsMax) {
            break;
        }
        for (FieldError& problem : check_view(file, tenant, known, unknown)) {
            if (found.size() < kProblemsMax &&
                seen.emplace(problem.field, problem.message).second) {
                found.push_back(std::move(problem));
            }
        }
    }
    std::stable_sort(found.begin(), found.end(), [](const FieldError& a, const FieldError& b) {
        return a.line < b.line;
    });
    return found;
}

Error invalid_file(const std::string& file_name, std::vector<FieldError> problems) {
    const FieldError& first = problems.front();
    std::string where = first.line > 0 ? fmt::format("{}:{}", file_name, first.line) : file_name;
    if (!first.field.empty()) {
        where += ": " + first.field;
    }
    const std::string more =
        problems.size() == 1 ? "" : fmt::format(" ({} more problems)", problems.size() - 1);
    Error error =
        invalid_argument("invalid_asset_file", fmt::format("{}: {}{}", where, first.message, more));
    error.fields = std::move(problems);
    return error;
}

void read_file(const YamlNode& root, Problems& problems, AssetFile& out) {
    if (root.kind == YamlNode::Kind::kNull) {
        problems.add("", root, "The file is empty; `servo init` writes one to start from.");
        return;
    }
    const Fields file(root, Scope::kFile, "", problems);
    if (root.kind != YamlNode::Kind::kMapping) {
        return;
    }
    file.require(declaration(Scope::kFile).required);
    int64_t version = 0;
    file.integer("version", version);
    read_tenants(file, out);
    out.pools = read_pools(file);
    AssetReader(file, out).run();
}

}  // namespace

Result<AssetFile> parse_asset_file(std::string_view text, const ParseOptions& options) {
    Result<YamlNode> root = parse_yaml(text);
    if (!root) {
        return fail(invalid_file(options.file_name, std::move(root.error().fields)));
    }
    AssetFile file;
    Problems problems;
    read_file(*root, problems, file);
    std::vector<FieldError> found = problems.take();
    if (found.empty() && options.admit) {
        SERVO_CHECK(options.admit(file));
    }
    if (found.empty()) {
        found = check_views(file, options.applied);
    }
    if (!found.empty()) {
        return fail(invalid_file(options.file_name, std::move(found)));
    }
    return file;
}

std::vector<const model::AssetSpec*> assets_for(const AssetFile& file, std::string_view tenant) {
    std::vector<const model::AssetSpec*> out;
    for (const AssetEntry& entry : file.assets) {
        const auto own = entry.overridden.find(std::string(tenant));
        out.push_back(own == entry.overridden.end() ? &entry.spec : &own->second);
    }
    return out;
}

std::vector<FieldError> check_tenant(
    const AssetFile& file, std::string_view tenant, const Applied& applied
) {
    return check_view(file, tenant, applied, UnknownNames::kReport);
}

}  // namespace servo::config
