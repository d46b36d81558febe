#include <sstream>

#include "api/page.h"
#include "base/text.h"
#include "cli/field_changes.h"
#include "cli/groups.h"
#include "cli/lever.h"
#include "cli/text.h"
#include "model/settable.h"

namespace servo::cli {
namespace {

constexpr size_t kAssetsListedMax = 10'000;

std::string concurrency_text(const api::Asset& asset) {
    return (asset.concurrency > 0 ? std::to_string(asset.concurrency) : "none") +
           (asset.override_info ? " (set)" : "");
}

Result<int> list(Session& session, bool archived) {
    client::Client* client = SERVO_TRY(session.client());
    ListDocument document{
        {},
        std::nullopt,
        Table(
            {{"ASSET"},
             {"TENANT"},
             {"REVISION", Align::kRight},
             {"PARTITIONS"},
             {"RUNS"},
             {"LIMIT", Align::kRight},
             {"OWNER"},
             {"UPDATED"},
             {"CODE", Align::kLeft, true},
             {"BY", Align::kLeft, true},
             {"ARCHIVED", Align::kLeft, true}}
        ),
        {},
        "no assets; `servo init` writes an example, `servo apply -f servo.yaml` applies it"};
    std::string page_token;
    do {
        const api::List<api::Asset> page =
            SERVO_TRY(client->list_assets(archived, api::kPageMax, page_token));
        for (const api::Asset& one : page.items) {
            document.items.push_back(api::to_json(one));
            document.names.push_back(one.name);
            document.table.add(
                {Cell(one.name, one.archived ? Tone::kDim : Tone::kPlain),
                 one.tenant_id,
                 std::to_string(one.revision),
                 one.partitions,
                 one.runner,
                 concurrency_text(one),
                 one.owner,
                 when(one.updated_at),
                 one.code_version,
                 one.updated_by,
                 one.archived ? "archived" : ""}
            );
        }
        page_token = page.next_page_token.value_or("");
    } while (!page_token.empty() && document.items.size() < kAssetsListedMax);
    if (!page_token.empty()) {
        document.next_page_token = page_token;
    }
    session.output().list(document);
    return kOk;
}

std::string counts_text(const api::PartitionCounts& counts) {
    std::string text = count(counts.total) + ": " + count(counts.completed) + " completed, " +
                       count(counts.failed) + " failed, " + count(counts.skipped) + " skipped, " +
                       count(counts.missing) + " missing";
    return counts.stale > 0 ? text + "; " + count(counts.stale) + " made by an older revision"
                            : text;
}

Result<int> show(Session& session, const std::string& name) {
    client::Client* client = SERVO_TRY(session.client());
    const api::AssetDetail asset = SERVO_TRY(client->get_asset(name));
    Facts facts;
    facts.add(
        "asset", asset.name + ", tenant " + asset.tenant_id + (asset.archived ? ", archived" : "")
    );
    facts.add("about", asset.description);
    facts.add("owner", asset.owner);
    facts.add(
        "revision",
        std::to_string(asset.revision) + " of " + when(asset.updated_at) + " by " + asset.updated_by
    );
    facts.add("code", asset.code_version);
    facts.add("folder", asset.code_dir);
    facts.add("cut by", asset.partitions);
    facts.add("partitions", counts_text(asset.partition_counts));
    facts.add("runs", asset.runner);
    facts.add("limit", concurrency_text(asset));
    facts.add("set", describe_override(asset.override_info));
    facts.add("open", join(asset.open_backfills, "\n"));
    facts.add("downstream", join(asset.downstream, ", "));
    std::ostringstream text;
    facts.print(text, session.output().colour_out());
    text << "\n" << to_yaml(asset.spec);
    session.output().thing({api::to_json(asset), asset.name, text.str()});
    return kOk;
}

struct DiffArgs {
    std::string asset;
    std::string from = "0";
    std::string to = "0";
};

Result<int> diff(Session& session, const DiffArgs& args) {
    const int64_t from = SERVO_TRY(flag_number("--from", args.from, 0, 1'000'000'000));
    const int64_t to = SERVO_TRY(flag_number("--to", args.to, 0, 1'000'000'000));
    client::Client* client = SERVO_TRY(session.client());
    const api::AssetDiff found = SERVO_TRY(client->diff_asset(args.asset, from, to));
    std::string text = args.asset + ", revision " + std::to_string(found.from) + " to " +
                       std::to_string(found.to) + "\n";
    text += found.from < 1 ? "  nothing before it to compare with\n"
            : found.changes.empty()
                ? "  no difference\n"
                : field_changes(found.changes, "  ", session.output().colour_out());
    session.output().thing({api::to_json(found), found.name, text});
    return kOk;
}

const Lever<api::SetAssetRequest> kAsset{"asset", &client::Client::set_asset};

struct SetArgs : LeverArgs {
    std::string concurrency;
};

Result<int> set(Session& session, const SetArgs& args) {
    api::SetAssetRequest request;
    request.concurrency =
        SERVO_TRY(given_number("--concurrency", args.concurrency, 0, model::kConcurrencyMax));
    if (!request.concurrency) {
        return fail(nothing_to_set(kAsset.noun, "--concurrency 4"));
    }
    return pull(session, kAsset, args, std::move(request), "set");
}

struct ArchiveArgs : LeverArgs {
    bool undo = false;
};

Result<int> archive(Session& session, const ArchiveArgs& args) {
    api::SetAssetRequest request;
    request.archived = !args.undo;
    return pull(
        session,
        kAsset,
        args,
        std::move(request),
        args.undo ? "is back" : "archived; its history stays"
    );
}

void add_levers(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<SetArgs>();
    CLI::App* verb = add_lever(
        commands,
        group,
        kAsset.noun,
        {"set",
         "Override an asset's concurrency; `apply` keeps the override, `unset` ends it.",
         {"servo asset set orders --concurrency 4 --for 2h --reason \"source is slow\""},
         ""},
        args,
        set
    );
    value_flag(*verb, "--concurrency", args->concurrency, "N", "Partitions at once; 0 = no limit.");
    add_lever_flags(*verb, *args);
    add_unset(
        commands,
        group,
        kAsset,
        {"unset", "End an asset's override.", {"servo asset unset orders"}, ""},
        "is as declared again"
    );
    auto archived = std::make_shared<ArchiveArgs>();
    CLI::App* archive_verb = add_lever(
        commands,
        group,
        kAsset.noun,
        {"archive",
         "Take an asset out of service; its history stays.",
         {"servo asset archive orders"},
         ""},
        archived,
        archive
    );
    switch_flag(*archive_verb, "--undo", archived->undo, "Take it back into service.");
    add_reason_flag(*archive_verb, *archived);
}

}  // namespace

void add_asset_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"asset",
         "Assets: definitions, revisions and their differences.",
         {"servo asset list", "servo asset show orders", "servo asset diff orders --from 3 --to 4"},
         ""}
    );
    auto with_archived = std::make_shared<bool>(false);
    CLI::App* listed = commands.verb(
        *group,
        {"list", "List assets.", {"servo asset list -o wide"}, ""},
        [with_archived](Session& session) { return list(session, *with_archived); }
    );
    switch_flag(*listed, "--archived", *with_archived, "Archived ones, too.");
    auto name = std::make_shared<std::string>();
    CLI::App* shown = commands.verb(
        *group,
        {"show",
         "Show one asset: definition, partitions by outcome, open backfills.",
         {"servo asset show orders"},
         ""},
        [name](Session& session) { return show(session, *name); }
    );
    argument(*shown, "asset", *name, "Name of the asset.")->required();
    auto args = std::make_shared<DiffArgs>();
    CLI::App* verb = commands.verb(
        *group,
        {"diff",
         "Show what differs between two revisions; by default the latest two.",
         {"servo asset diff orders", "servo asset diff orders --from 3 --to 4"},
         ""},
        [args](Session& session) { return diff(session, *args); }
    );
    argument(*verb, "asset", args->asset, "Name of the asset.")->required();
    value_flag(*verb, "--from", args->from, "N", "Revision before.");
    value_flag(*verb, "--to", args->to, "N", "Revision after.");
    add_levers(commands, *group);
}

}  // namespace servo::cli
