#include "server/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/asset.h"
#include "config/asset_file.h"
#include "server/changes.h"
#include "server/lookup.h"

namespace servo::server {
namespace {

using namespace model;
using Key = std::pair<std::string, std::string>;  // tenant, name

constexpr std::string_view kDefaultTenant = "default";

// What asset files may refer to: what is applied, and what other files of the request define.
struct Known {
    std::map<Key, std::shared_ptr<const AssetSpec>> assets;
    std::set<Key> archived;
    std::map<Key, PoolSpec> pools;  // tenant empty: shared
    std::vector<std::string> tenants;
};

Result<Known> read_known(Backend& backend) {
    return backend.read([](const core::Scheduler& scheduler, Instant now) {
        Known out;
        std::map<TenantId, std::string> names;
        for (const core::TenantView& view : scheduler.tenants(now)) {
            names[view.row.id] = view.row.name;
            out.tenants.push_back(view.row.name);
        }
        for (const AssetHead& head : scheduler.assets()) {
            const auto revision = scheduler.revision(head.id, head.latest_revision);
            if (head.archived) {
                out.archived.insert({names[head.tenant], head.name});
            } else if (revision) {
                out.assets[{names[head.tenant], head.name}] =
                    std::shared_ptr<const AssetSpec>(revision, &revision->spec);
            }
        }
        for (const core::PoolView& view : scheduler.pools(now)) {
            out.pools[{view.row.tenant ? names[view.row.tenant] : "", view.row.spec.name}] =
                view.row.spec;
        }
        return out;
    });
}

template <typename Map>
std::vector<std::string> names_in(const Map& all, std::string_view tenant) {
    std::vector<std::string> out;
    for (const auto& [key, unused] : all) {
        if (key.first == tenant) {
            out.push_back(key.second);
        }
    }
    return out;
}

config::Applied applied(const Known& known) {
    config::Applied out;
    out.asset = [&known](std::string_view tenant, std::string_view asset) -> const AssetSpec* {
        const auto it = known.assets.find({std::string(tenant), std::string(asset)});
        return it == known.assets.end() ? nullptr : it->second.get();
    };
    out.pool = [&known](std::string_view tenant, std::string_view pool) -> const PoolSpec* {
        auto it = known.pools.find({std::string(tenant), std::string(pool)});
        if (it == known.pools.end()) {
            it = known.pools.find({"", std::string(pool)});
        }
        return it == known.pools.end() ? nullptr : &it->second;
    };
    out.asset_names = [&known](std::string_view tenant) { return names_in(known.assets, tenant); };
    out.pool_names = [&known](std::string_view tenant) {
        std::vector<std::string> names = names_in(known.pools, tenant);
        const std::vector<std::string> shared = names_in(known.pools, "");
        names.insert(names.end(), shared.begin(), shared.end());
        return names;
    };
    return out;
}

struct ParsedFile {
    const api::ApplyFile* source = nullptr;
    config::AssetFile file;
    std::vector<std::string> tenants;
};

Error foreign_tenant(const std::string& own) {
    return Error{
        ErrorCode::kPermissionDenied,
        "foreign_tenant",
        fmt::format(
            "Your token may apply for tenant {} only; leave `tenants` out of the file.", own
        ),
        {},
        0};
}

// The tenants a file is for. Error: permission_denied / "foreign_tenant".
Result<std::vector<std::string>> tenants_of(
    const Call& call,
    const api::ApplyRequest& request,
    const config::AssetFile& file,
    const Known& known
) {
    const std::string& own = call.principal.tenant;
    if (file.tenant_choice == config::TenantChoice::kUnset) {
        const std::string said = request.tenant.value_or(call.tenant);
        if (!own.empty() && said != own) {
            return fail(foreign_tenant(own));
        }
        return std::vector<std::string>{said.empty() ? std::string(kDefaultTenant) : said};
    }
    std::vector<std::string> out =
        file.tenant_choice == config::TenantChoice::kAll ? known.tenants : file.tenants;
    if (!own.empty() && (out.size() != 1 || out.front() != own)) {
        return fail(foreign_tenant(own));
    }
    if (out.empty()) {
        return fail(failed_precondition(
            "no_tenants", "`tenants: all` stands for every tenant, and there is none yet; name one."
        ));
    }
    return out;
}

Error in_file(const std::string& name, Error error) {
    if (error.message.find(name) == std::string::npos) {
        error.message = fmt::format("{}: {}", name, error.message);
    }
    return error;
}

Result<ParsedFile> parse_one(
    const Call& call,
    const api::ApplyRequest& request,
    const api::ApplyFile& source,
    const Known& known
) {
    config::ParseOptions options;
    options.file_name = source.name;
    options.applied = applied(known);
    ParsedFile out;
    out.source = &source;
    options.admit = [&](const config::AssetFile& file) -> Status {
        out.tenants = SERVO_TRY(tenants_of(call, request, file, known));
        return {};
    };
    auto file = config::parse_asset_file(source.text, options);
    if (!file) {
        return fail(in_file(source.name, std::move(file).error()));
    }
    out.file = std::move(*file);
    for (const std::string& tenant : out.tenants) {
        std::vector<FieldError> problems = config::check_tenant(out.file, tenant, options.applied);
        if (!problems.empty()) {
            Error error = invalid_argument(
                "invalid_asset_file",
                fmt::format(
                    "{}: {}: {}", source.name, problems.front().field, problems.front().message
                )
            );
            error.fields = std::move(problems);
            return fail(std::move(error));
        }
    }
    for (const auto& [name, pool] : out.file.pools) {
        if (pool.scope == PoolScope::kShared && call.principal.role != api::Role::kAdmin) {
            return fail(Error{
                ErrorCode::kPermissionDenied,
                "shared_pool",
                fmt::format(
                    "{}: pools.{} is shared, which only an admin may define; write "
                    "`scope: tenant`.",
                    source.name,
                    name
                ),
                {},
                0});
        }
    }
    return out;
}

void add_known(const ParsedFile& parsed, Known& known) {
    for (const std::string& tenant : parsed.tenants) {
        for (const AssetSpec* spec : config::assets_for(parsed.file, tenant)) {
            known.assets[{tenant, spec->name}] = std::make_shared<const AssetSpec>(*spec);
        }
        for (const auto& [name, pool] : parsed.file.pools) {
            known.pools[{pool.scope == PoolScope::kShared ? "" : tenant, name}] = pool;
        }
    }
}

// Files may refer to each other in any order: those that cannot be read yet are tried again as long
// as another one could be read meanwhile.
Result<std::vector<ParsedFile>> parse_all(
    const Call& call, const api::ApplyRequest& request, Known known
) {
    std::vector<ParsedFile> out;
    std::vector<const api::ApplyFile*> waiting;
    for (const api::ApplyFile& source : request.files) {
        waiting.push_back(&source);
    }
    while (!waiting.empty()) {
        std::vector<const api::ApplyFile*> again;
        std::optional<Error> first_error;
        for (const api::ApplyFile* source : waiting) {
            auto parsed = parse_one(call, request, *source, known);
            if (parsed) {
                add_known(*parsed, known);
                out.push_back(std::move(*parsed));
            } else {
                first_error = first_error ? first_error : std::optional(parsed.error());
                again.push_back(source);
            }
        }
        if (again.size() == waiting.size()) {
            return fail(std::move(*first_error));
        }
        waiting = std::move(again);
    }
    return out;
}

Status check_unique(const std::vector<ParsedFile>& files) {
    std::map<Key, std::string> assets;
    std::map<Key, std::pair<std::string, const PoolSpec*>> pools;
    for (const ParsedFile& parsed : files) {
        for (const std::string& tenant : parsed.tenants) {
            for (const AssetSpec* spec : config::assets_for(parsed.file, tenant)) {
                const auto [other, fresh] =
                    assets.emplace(Key{tenant, spec->name}, parsed.source->name);
                if (!fresh) {
                    return fail(invalid_argument(
                        "defined_twice",
                        fmt::format(
                            "The asset {} of tenant {} is defined in {} and in {}.",
                            spec->name,
                            tenant,
                            other->second,
                            parsed.source->name
                        )
                    ));
                }
            }
            for (const auto& [name, pool] : parsed.file.pools) {
                const Key key{pool.scope == PoolScope::kShared ? "" : tenant, name};
                const auto [other, fresh] =
                    pools.emplace(key, std::pair(parsed.source->name, &pool));
                if (!fresh && !(*other->second.second == pool)) {
                    return fail(invalid_argument(
                        "defined_twice",
                        fmt::format(
                            "The pool {} is defined differently in {} and in {}.",
                            name,
                            other->second.first,
                            parsed.source->name
                        )
                    ));
                }
            }
        }
    }
    return {};
}

// One command per folder, since an asset's program is looked for in its file's folder. Each carries
// all pools of its tenants, so that an asset may need a pool from another folder's file.
std::vector<core::ApplyDefinitions> commands_for(
    const Call& call, const api::ApplyRequest& request, const std::vector<ParsedFile>& files
) {
    std::map<std::string, std::map<std::string, std::vector<AssetSpec>>> by_folder;
    std::map<std::string, std::map<std::string, PoolSpec>> pools;  // by tenant
    for (const ParsedFile& parsed : files) {
        for (const std::string& tenant : parsed.tenants) {
            std::vector<AssetSpec>& assets = by_folder[parsed.source->code_dir][tenant];
            for (const AssetSpec* spec : config::assets_for(parsed.file, tenant)) {
                assets.push_back(*spec);
            }
            for (const auto& [name, pool] : parsed.file.pools) {
                pools[tenant].emplace(name, pool);
            }
        }
    }
    std::vector<core::ApplyDefinitions> out;
    for (auto& [folder, tenants] : by_folder) {
        core::ApplyDefinitions command;
        command.prune = request.prune;
        command.code_dir = folder;
        command.actor = call.principal.actor;
        for (auto& [tenant, assets] : tenants) {
            core::TenantDefinitions definitions;
            definitions.tenant = tenant;
            definitions.assets = std::move(assets);
            for (const auto& [name, pool] : pools[tenant]) {
                definitions.pools.push_back(pool);
            }
            command.tenants.push_back(std::move(definitions));
        }
        out.push_back(std::move(command));
    }
    return out;
}

std::string action_word(core::AppliedAction action) {
    switch (action) {
        case core::AppliedAction::kCreated:
            return "created";
        case core::AppliedAction::kChanged:
            return "changed";
        case core::AppliedAction::kUnchanged:
            return "unchanged";
        case core::AppliedAction::kArchived:
            return "archived";
    }
    return "";
}

// What the files say, held against what is applied.
struct Compared {
    std::map<Key, std::shared_ptr<const AssetSpec>> assets;
    std::set<Key> archived;  // before
    std::map<Key, std::vector<api::FieldChange>> pool_changes;
};

void add_reply(const core::ApplyReply& reply, const Compared& wanted, api::ApplyReply& out) {
    for (const core::AppliedAsset& asset : reply.assets) {
        api::AppliedAsset item;
        item.tenant_id = asset.tenant;
        item.name = asset.name;
        item.action = action_word(asset.action);
        item.revision = asset.revision;
        item.overridden = asset.overridden;
        const Key key{asset.tenant, asset.name};
        // A dry run makes no revision: then it is compared with what the file says.
        const auto spec = wanted.assets.find(key);
        const AssetSpec* after = asset.after                   ? &asset.after->spec
                                 : spec != wanted.assets.end() ? spec->second.get()
                                                               : nullptr;
        if (asset.action == core::AppliedAction::kChanged) {
            item.changes = field_changes(asset.before ? &asset.before->spec : nullptr, after);
            if (wanted.archived.contains(key)) {
                item.changes.push_back({"archived", "true", "false"});
            }
        }
        out.changed = out.changed || asset.action != core::AppliedAction::kUnchanged;
        out.assets.push_back(std::move(item));
    }
    for (const core::AppliedPool& pool : reply.pools) {
        api::AppliedPool item;
        if (!pool.tenant.empty()) {
            item.tenant_id = pool.tenant;
        }
        item.name = pool.name;
        item.action = action_word(pool.action);
        item.overridden = pool.overridden;
        const auto changes = wanted.pool_changes.find({pool.tenant, pool.name});
        if (pool.action == core::AppliedAction::kChanged && changes != wanted.pool_changes.end()) {
            item.changes = changes->second;
        }
        // Commands of several folders carry the same pools; the first one tells what happened.
        const bool told = std::any_of(out.pools.begin(), out.pools.end(), [&](const auto& other) {
            return other.name == item.name && other.tenant_id == item.tenant_id;
        });
        if (!told) {
            out.changed = out.changed || pool.action != core::AppliedAction::kUnchanged;
            out.pools.push_back(std::move(item));
        }
    }
}

Status check_request(const api::ApplyRequest& request) {
    if (request.files.empty() || request.files.size() > api::kApplyFilesMax) {
        return fail(invalid_argument(
            "bad_files", fmt::format("A request applies 1 to {} files.", api::kApplyFilesMax)
        ));
    }
    std::set<std::string> folders;
    for (const api::ApplyFile& file : request.files) {
        folders.insert(file.code_dir);
    }
    if (request.prune && folders.size() > 1) {
        return fail(invalid_argument(
            "prune_one_folder",
            "prune compares with what the files name, so they must lie in one folder; apply the "
            "other "
            "folders without it."
        ));
    }
    return {};
}

Compared compare(const std::vector<ParsedFile>& files, const Known& before) {
    Compared out;
    out.archived = before.archived;
    for (const ParsedFile& parsed : files) {
        for (const std::string& tenant : parsed.tenants) {
            for (const AssetSpec* spec : config::assets_for(parsed.file, tenant)) {
                out.assets[{tenant, spec->name}] = std::make_shared<const AssetSpec>(*spec);
            }
            for (const auto& [name, pool] : parsed.file.pools) {
                const Key key{pool.scope == PoolScope::kShared ? "" : tenant, name};
                if (const auto old = before.pools.find(key); old != before.pools.end()) {
                    out.pool_changes[key] = field_changes(&old->second, &pool);
                }
            }
        }
    }
    return out;
}

// The idempotency key goes with the last command: only then is all of it done.
Result<api::ApplyReply> commit_all(
    Call& call, std::vector<core::ApplyDefinitions> commands, const Compared& wanted
) {
    api::ApplyReply out;
    for (size_t i = 0; i < commands.size(); ++i) {
        commands[i].mode = core::ApplyMode::kCommit;
        const auto render = [before = out, wanted](const core::Reply& reply) {
            api::ApplyReply all = before;
            if (const auto* applied_now = std::get_if<core::ApplyReply>(&reply)) {
                add_reply(*applied_now, wanted, all);
            }
            return to_json(all);
        };
        const bool last = i + 1 == commands.size();
        const core::Reply reply = SERVO_TRY(
            call.backend.run(std::move(commands[i]), last ? call.repeatable(render) : std::nullopt)
        );
        if (const auto* applied_now = std::get_if<core::ApplyReply>(&reply)) {
            add_reply(*applied_now, wanted, out);
        }
    }
    return out;
}

}  // namespace

Result<Response> apply(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::ApplyRequest>());
    call.dry_run = request.dry_run;
    SERVO_CHECK(check_request(request));
    const Known known = SERVO_TRY(read_known(call.backend));
    const std::vector<ParsedFile> files = SERVO_TRY(parse_all(call, request, known));
    SERVO_CHECK(check_unique(files));
    const Compared wanted = compare(files, known);
    std::vector<core::ApplyDefinitions> commands = commands_for(call, request, files);
    // A single command plans itself as a whole; several are all planned before the first one
    // counts.
    api::ApplyReply planned;
    planned.dry_run = request.dry_run;
    if (request.dry_run || commands.size() > 1) {
        for (core::ApplyDefinitions command : commands) {
            command.mode = core::ApplyMode::kDryRun;
            const core::Reply reply = SERVO_TRY(call.backend.run(std::move(command)));
            if (const auto* plan = std::get_if<core::ApplyReply>(&reply)) {
                add_reply(*plan, wanted, planned);
            }
        }
    }
    if (request.dry_run) {
        return json_response(to_json(planned));
    }
    const Result<api::ApplyReply> done = commit_all(call, std::move(commands), wanted);
    call.backend.definitions_changed();  // where one is refused, those before it may be committed
    return json_response(to_json(SERVO_TRY(done)));
}

}  // namespace servo::server
