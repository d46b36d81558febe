#include "config/pools.h"

#include <fmt/format.h>

#include "config/partitions.h"
#include "config/run.h"
#include "model/check_url.h"

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

// As a secret of an asset, but for the folder that its relative paths would start from.
model::SecretRef read_credential(
    const std::string& name, const YamlNode& value, const std::string& path, Problems& problems
) {
    model::SecretRef secret = read_secret(name, value, path, problems);
    if (!secret.file.empty() && !secret.file.starts_with('/')) {
        problems.add(path + ".file", value, "Must be an absolute path: a pool has no folder.");
    }
    return secret;
}

model::PoolCheck read_check(const Fields& fields) {
    model::PoolCheck check;
    fields.require(declaration(Scope::kPoolCheck).required);
    if (fields.text("url", check.url) && !model::is_check_url(check.url)) {
        fields.problem("url", model::check_url_problem(check.url));
    }
    fields.duration("timeout", check.timeout);
    if (const YamlNode* bearer = fields.find("bearer")) {
        check.bearer = read_credential("bearer", *bearer, fields.path("bearer"), fields.problems());
    }
    fields.entries(
        "headers",
        kHeaderNames,
        [&](const std::string& name, const YamlNode& value, const std::string& path) {
            check.headers[name] = read_credential(name, value, path, fields.problems());
        }
    );
    return check;
}

// The mappings of a list.
template <typename Read>
auto read_list(const Fields& pool, std::string_view key, Read read) {
    std::vector<decltype(read(pool))> out;
    const YamlNode* list = pool.find(key);
    if (list == nullptr) {
        return out;
    }
    const KeyDecl& declared = *find_key(Scope::kPool, key);
    const auto count_max = static_cast<size_t>(declared.high);
    if (list->kind != YamlNode::Kind::kSequence || list->items.size() > count_max) {
        pool.problem(key, fmt::format("Must be a list of at most {} mappings.", count_max));
        return out;
    }
    for (size_t i = 0; i < list->items.size(); ++i) {
        const std::string path = fmt::format("{}[{}]", pool.path(key), i);
        out.push_back(read(Fields(list->items[i], declared.child, path, pool.problems())));
    }
    return out;
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
    pool.windows = read_list(fields, "windows", read_window);
    pool.checks = read_list(fields, "check", read_check);
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
