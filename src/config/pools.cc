#include "config/pools.h"

#include <fmt/format.h>

#include "config/partitions.h"

namespace servo::config {
namespace {

model::PoolWindow read_window(const Fields& fields) {
    model::PoolWindow window;
    fields.require(declaration(Scope::kPoolWindow).required);
    const bool has_cron = fields.text("cron", window.cron);
    fields.duration("for", window.length);
    fields.text("timezone", window.timezone);
    fields.integer("concurrency", window.concurrency);
    if (has_cron) {
        check_cron(fields, window.cron, window.timezone);
    }
    return window;
}

void read_windows(const Fields& pool, std::vector<model::PoolWindow>& out) {
    const YamlNode* list = pool.find("windows");
    if (list == nullptr) {
        return;
    }
    const auto count_max = static_cast<size_t>(find_key(Scope::kPool, "windows")->high);
    if (list->kind != YamlNode::Kind::kSequence || list->items.size() > count_max) {
        pool.problem("windows", fmt::format("Must be a list of at most {} windows.", count_max));
        return;
    }
    for (size_t i = 0; i < list->items.size(); ++i) {
        const Fields window(
            list->items[i],
            Scope::kPoolWindow,
            fmt::format("{}[{}]", pool.path("windows"), i),
            pool.problems()
        );
        out.push_back(read_window(window));
    }
}

model::PoolSpec read_pool(const std::string& name, const Fields& fields) {
    model::PoolSpec pool;
    pool.name = name;
    if (std::string scope; fields.word("scope", scope)) {
        pool.scope = scope == "tenant" ? model::PoolScope::kTenant : model::PoolScope::kShared;
    }
    fields.integer("concurrency", pool.concurrency);
    if (const auto per_tenant = fields.child("per_tenant")) {
        per_tenant->integer("concurrency", pool.per_tenant_concurrency);
        if (pool.scope == model::PoolScope::kTenant) {
            fields.problem(
                "per_tenant", "A pool with scope tenant is one tenant's own; set concurrency."
            );
        } else if (pool.concurrency > 0 && pool.per_tenant_concurrency > pool.concurrency) {
            per_tenant->problem(
                "concurrency",
                fmt::format(
                    "Must be at most the pool's concurrency, {}, not {}.",
                    pool.concurrency,
                    pool.per_tenant_concurrency
                )
            );
        }
    }
    read_windows(fields, pool.windows);
    fields.text("contact", pool.contact);
    return pool;
}

}  // namespace

std::map<std::string, model::PoolSpec> read_pools(const Fields& file) {
    std::map<std::string, model::PoolSpec> out;
    file.entries(
        "pools",
        kPoolNames,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            out.emplace(name, read_pool(name, Fields(value, Scope::kPool, path, file.problems())));
        }
    );
    if (out.size() > kPoolsMax) {
        file.problem("pools", fmt::format("Has more than {} pools.", kPoolsMax));
    }
    return out;
}

std::map<std::string, int> read_units(const Fields& asset) {
    std::map<std::string, int> out;
    const YamlNode* node = asset.find("pools");
    if (node == nullptr) {
        return out;
    }
    if (node->kind == YamlNode::Kind::kSequence) {
        for (size_t i = 0; i < node->items.size(); ++i) {
            const YamlNode& item = node->items[i];
            const std::string path = fmt::format("{}[{}]", asset.path("pools"), i);
            const auto name = read_text(item, path, 128, asset.problems());
            if (name && !is_name(*name)) {
                asset.problems().add(
                    path, item, fmt::format("\"{}\" is not a valid pool name.", *name)
                );
            } else if (name && !out.emplace(*name, 1).second) {
                asset.problems().add(path, item, fmt::format("\"{}\" is listed twice.", *name));
            }
        }
        return out;
    }
    const KeyDecl& decl = *find_key(Scope::kAsset, "pools");
    asset.entries(
        "pools",
        kPoolNames,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            const auto units = read_integer(value, path, decl.low, decl.high, asset.problems());
            out[name] = static_cast<int>(units.value_or(1));
        }
    );
    return out;
}

}  // namespace servo::config
