#include "config/asset_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/prng.h"
#include "base/text.h"
#include "config/fields.h"

namespace servo::config {
namespace {

// The example of the documentation, all of it.
constexpr std::string_view kFull = R"(version: 1
tenants: [acme, bigco]
defaults: { timeout: 1h, owner: data-eng }
x-shared: &shared { TARGET: prod }
pools:
  warehouse: { scope: shared, concurrency: 8, per_tenant: { concurrency: 4 }, contact: dba@example.com,
    windows: [ { cron: "0 1 * * *", for: 4h, timezone: UTC, concurrency: 2 } ],
    check: [ { url: "https://wh.example:8443/health", timeout: 2s, bearer: { env: WAREHOUSE_TOKEN },
               headers: { X-Key: { file: /run/secrets/key } } }, { url: "http://wh.example" } ] }
assets:
  raw_orders:
    partitions: { every: day, start: 2024-01-01, timezone: Europe/Berlin }
    run: { command: [./raw.sh] }
  orders:
    partitions: { every: day, start: 2024-01-01, timezone: Europe/Berlin, end_offset: 0 }
    run:
      command: { argv: [python3, load.py, --day, "{partition.key}"], shell: false }
    env: *shared
    secrets: { DSN: { env: WAREHOUSE_DSN }, KEY: { file: /run/secrets/key } }
    resources: { memory: 2Gi, cpu: 1 }
    labels: { zone: eu }
    timeout: 10m
    retries: { max_attempts: 3, by_class: { timeout: 1 }, backoff: { initial: 5s, max: 5m } }
    exit_codes: { 42: external }
    limits: { concurrency: 16 }
    pools: { warehouse: 1 }
    code_version: "2024.3"
    sequential: false
    overrides: { bigco: { timeout: 2h, limits: { concurrency: 4 } } }
    upstream: { raw_orders: { mapping: same } }
  regions: { partitions: { keys: [eu, us, apac, no, 01] }, run: { command: [./region.sh] } }
  sales:
    partitions: { dimensions: { date: { every: day, start: 2024-01-01 }, region: { keys: [eu, us] } } }
    run: { worker: [python3, sales_worker.py] }
)";

std::string listing(const Error& error) {
    std::string out = error.message + "\n";
    for (const FieldError& field : error.fields) {
        out += field.field + " [" + std::to_string(field.line) + "] " + field.message + "\n";
    }
    return out;
}

AssetFile parsed(std::string_view text, const ParseOptions& options = {}) {
    Result<AssetFile> file = parse_asset_file(text, options);
    EXPECT_TRUE(file.has_value()) << (file ? "" : listing(file.error())) << "\n" << text;
    return file ? *std::move(file) : AssetFile{};
}

Error refused(std::string_view text, const ParseOptions& options = {}) {
    const Result<AssetFile> file = parse_asset_file(text, options);
    EXPECT_FALSE(file.has_value()) << text;
    if (file.has_value()) {
        return {};
    }
    EXPECT_EQ(file.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(file.error().reason, "invalid_asset_file");
    EXPECT_FALSE(file.error().fields.empty());
    return file.error();
}

// A file with one asset `a` whose body has `line` added.
std::string with_line(std::string_view line) {
    return "version: 1\nassets:\n  a:\n    partitions: {every: day, start: 2024-01-01}\n"
           "    run: {command: [./a]}\n    " +
           std::string(line) + "\n";
}

// The first problem of that file.
FieldError problem(std::string_view line) {
    const Error error = refused(with_line(line));
    return error.fields.empty() ? FieldError{} : error.fields.front();
}

const model::AssetSpec* find(
    const AssetFile& file, std::string_view tenant, std::string_view asset
) {
    for (const model::AssetSpec* spec : assets_for(file, tenant)) {
        if (spec->name == asset) {
            return spec;
        }
    }
    return nullptr;
}

TEST(AssetFile, TheDocumentedExampleIsReadCompletely) {
    const AssetFile file = parsed(kFull);
    EXPECT_EQ(file.tenant_choice, TenantChoice::kListed);
    EXPECT_EQ(file.tenants, (std::vector<std::string>{"acme", "bigco"}));
    ASSERT_EQ(file.assets.size(), 4U);
    const model::PoolSpec& pool = file.pools.at("warehouse");
    EXPECT_EQ(pool.scope, model::PoolScope::kShared);
    EXPECT_EQ(pool.concurrency, 8);
    EXPECT_EQ(pool.per_tenant_concurrency, 4);
    EXPECT_EQ(pool.contact, "dba@example.com");
    ASSERT_EQ(pool.windows.size(), 1U);
    EXPECT_EQ(pool.windows[0].cron, "0 1 * * *");
    EXPECT_EQ(pool.windows[0].length, Millis(4 * 3'600'000));
    EXPECT_EQ(pool.windows[0].concurrency, 2);
    model::PoolCheck check;
    check.url = "https://wh.example:8443/health";
    check.timeout = Millis(2'000);
    check.bearer = model::SecretRef{"WAREHOUSE_TOKEN", ""};
    check.headers = {{"X-Key", {"", "/run/secrets/key"}}};
    model::PoolCheck plain;
    plain.url = "http://wh.example";
    EXPECT_EQ(pool.checks, (std::vector{check, plain}));

    model::AssetSpec expected;
    expected.name = "orders";
    expected.owner = "data-eng";
    model::TimeWindows daily;
    daily.start = "2024-01-01";
    daily.timezone = "Europe/Berlin";
    expected.partitions.dimensions = {{"", daily}};
    expected.run.argv = {"python3", "load.py", "--day", "{partition.key}"};
    expected.env = {{"TARGET", "prod"}};
    expected.secrets = {{"DSN", {"WAREHOUSE_DSN", ""}}, {"KEY", {"", "/run/secrets/key"}}};
    expected.memory_bytes = 2LL << 30;
    expected.cpu_milli = 1'000;
    expected.labels = {{"zone", "eu"}};
    expected.timeout = Millis(600'000);
    expected.retries.max_attempts = 3;
    expected.retries.by_class = {{model::FailureClass::kTimeout, 1}};
    expected.exit_codes = {{42, model::FailureClass::kExternal}};
    expected.concurrency = 16;
    expected.pools = {{"warehouse", 1}};
    expected.code_version = "2024.3";
    expected.upstream = {{"raw_orders", {}}};
    EXPECT_EQ(*find(file, "acme", "orders"), expected);
    expected.timeout = Millis(7'200'000);
    expected.concurrency = 4;
    EXPECT_EQ(*find(file, "bigco", "orders"), expected);
    EXPECT_EQ(find(file, "bigco", "regions")->timeout, Millis(3'600'000));

    const auto& keys =
        std::get<model::StaticKeys>(find(file, "acme", "regions")->partitions.dimensions[0].values);
    EXPECT_EQ(keys.keys, (std::vector<std::string>{"eu", "us", "apac", "no", "01"}));
    const model::SchemeSpec& product = find(file, "acme", "sales")->partitions;
    ASSERT_EQ(product.dimensions.size(), 2U);
    EXPECT_EQ(product.dimensions[0].name, "date");
    EXPECT_EQ(product.dimensions[1].name, "region");
    EXPECT_EQ(find(file, "acme", "sales")->run.kind, model::RunnerKind::kWorker);
}

TEST(AssetFile, TenantsAreListedAllOrUnset) {
    EXPECT_EQ(parsed("version: 1\n").tenant_choice, TenantChoice::kUnset);
    EXPECT_EQ(parsed("version: 1\ntenants: all\n").tenant_choice, TenantChoice::kAll);
    EXPECT_EQ(parsed("version: 1\ntenant: no\n").tenants, std::vector<std::string>{"no"});
    EXPECT_EQ(refused("version: 1\ntenant: a\ntenants: [b]\n").fields[0].field, "tenants");
    EXPECT_EQ(refused("version: 1\ntenants: acme\n").fields[0].field, "tenants");
    EXPECT_EQ(refused("version: 1\ntenants: []\n").fields[0].field, "tenants");
    EXPECT_EQ(refused("version: 1\ntenants: [a, a]\n").fields[0].field, "tenants[1]");
    EXPECT_EQ(refused("version: 1\ntenants: [A]\n").fields[0].field, "tenants[0]");
}

TEST(AssetFile, EveryProblemIsReportedWithItsLineAndTheNearestName) {
    const Error error = refused(
        "version: 1\n"
        "assets:\n"
        "  orders:\n"
        "    partitions: { every: fortnight, start: 2024-01-01 }\n"
        "    run: { command: [./a] }\n"
        "    timeot: 10m\n"
        "    sequential: yes\n"
        "  Sales: {}\n"
        "  empty: {}\n"
        "asets: {}\n"
    );
    std::vector<std::string> found;
    for (const FieldError& field : error.fields) {
        found.push_back(std::to_string(field.line) + " " + field.field);
    }
    EXPECT_EQ(
        found,
        (std::vector<std::string>{
            "4 assets.orders.partitions.every",
            "6 assets.orders.timeot",
            "7 assets.orders.sequential",
            "8 assets.Sales",
            "9 assets.empty.partitions",
            "9 assets.empty.run",
            "10 asets"})
    ) << listing(error);
    EXPECT_EQ(error.fields[1].message, "\"timeot\" is not known here. Did you mean \"timeout\"?");
    EXPECT_NE(error.message.find("servo.yaml:4: assets.orders.partitions.every"), std::string::npos)
        << error.message;
    EXPECT_NE(error.message.find("(6 more problems)"), std::string::npos) << error.message;
}

TEST(AssetFile, ReservedKeysAnswerNotInThisVersion) {
    for (const std::string line :
         {"schedule: x", "checks: []", "notify: {}", "hooks: {}", "params: {}", "split: 2"}) {
        EXPECT_EQ(
            problem(line).message,
            "\"" + line.substr(0, line.find(':')) + "\" is not in this version."
        );
    }
    for (const std::string runner : {"http", "sql", "python", "kubernetes"}) {
        const Error error = refused(
            "version: 1\nassets: {a: {partitions: {keys: [x]}, run: {" + runner + ": {url: x}}}}\n"
        );
        EXPECT_NE(
            listing(error).find("\"" + runner + "\" is not in this version."), std::string::npos
        );
    }
    for (const std::string key : {"rate", "adaptive", "breaker", "endpoints"}) {
        const Error error = refused("version: 1\npools: {p: {" + key + ": {a: 1}}}\n");
        EXPECT_EQ(error.fields[0].message, "\"" + key + "\" is not in this version.");
    }
    EXPECT_NE(
        problem("upstream: {other/raw: {mapping: same}}").message.find("not in this version"),
        std::string::npos
    );
}

TEST(AssetFile, KeysThatStartWithXAreIgnoredAtEveryLevel) {
    const AssetFile file = parsed(
        "version: 1\nx-a: 1\npools: {x-p: 3, p: {x-q: []}}\nassets:\n  x-asset: 7\n"
        "  a:\n    x-note: y\n    partitions: {every: day, start: 2024-01-01, x-z: 1}\n"
        "    run: {x-r: 1, command: {argv: [a], x-s: 2}}\n    env: {x-e: [1]}\n"
        "    secrets: {x-e: [1]}\n    labels: {x-e: [1]}\n    exit_codes: {x-e: 1}\n"
        "    pools: {x-e: q}\n    upstream: {x-e: q}\n    overrides: {x-e: q}\n"
        "    retries: {by_class: {x-e: q}}\n    resources: {x-e: q}\n    limits: {x-e: q}\n"
    );
    ASSERT_EQ(file.assets.size(), 1U);
    EXPECT_TRUE(file.assets[0].spec.env.empty());
    EXPECT_TRUE(file.assets[0].spec.pools.empty());
}

// There "x-" is how names begin.
TEST(AssetFile, HeadersOfAPoolCheckAreReadInLowerCase) {
    const AssetFile file = parsed(
        "version: 1\npools: {p: {check: [{url: http://a, headers: {x-api-key: {env: K}}}]}}\n"
        "assets: {}\n"
    );
    EXPECT_EQ(file.pools.at("p").checks.at(0).headers.count("x-api-key"), 1U);
}

TEST(AssetFile, TheFirstDayOfTheWeekOfTheDefaultsStaysWithWeeks) {
    const AssetFile file = parsed(
        "version: 1\ndefaults: {partitions: {week_start: sunday}, run: {command: [a]}}\nassets:\n"
        "  weekly: {partitions: {every: week, start: 2024-01-07}}\n"
        "  daily: {partitions: {every: day, start: 2024-01-01}}\n"
    );
    ASSERT_EQ(file.assets.size(), 2U);
    for (const AssetEntry& asset : file.assets) {
        const auto& windows =
            std::get<model::TimeWindows>(asset.spec.partitions.dimensions.at(0).values);
        if (asset.spec.name == "weekly") {
            EXPECT_NE(windows.week_start, model::TimeWindows().week_start);
        }
    }
}

TEST(AssetFile, DefaultsAndOverridesAreMergedDeeply) {
    const AssetFile file = parsed(R"(version: 1
defaults:
  env: { A: "1", B: "2" }
  retries: { max_attempts: 5, backoff: { initial: 1s } }
  partitions: { timezone: Europe/Berlin, every: day, start: 2024-01-01 }
  run: { command: [./default.sh] }
  pools: [p]
pools: { p: {}, q: {} }
assets:
  plain: {}
  deep:
    env: { B: "3", C: "4" }
    retries: { backoff: { max: 1m } }
    partitions: { start: 2025-01-01 }
    run: { batch: { argv: [./b], size: 5 } }
    pools: { q: 2 }
    secrets: { S: { env: X } }
    overrides:
      acme:
        env: { A: "9" }
        run: { batch: { size: 6 } }
        partitions: { cron: "0 6 * * 1" }
        secrets: { S: { file: /f } }
  keyed: { partitions: { keys: [a] } }
)");
    const model::AssetSpec& plain = *find(file, "acme", "plain");
    EXPECT_EQ(plain.run.argv, std::vector<std::string>{"./default.sh"});
    EXPECT_EQ(plain.pools, (std::map<std::string, int>{{"p", 1}}));
    const model::AssetSpec& deep = *find(file, "other", "deep");
    EXPECT_EQ(deep.env, (std::map<std::string, std::string>{{"A", "1"}, {"B", "3"}, {"C", "4"}}));
    EXPECT_EQ(deep.retries.max_attempts, 5);
    EXPECT_EQ(deep.retries.backoff_initial, Millis(1'000));
    EXPECT_EQ(deep.retries.backoff_max, Millis(60'000));
    EXPECT_EQ(deep.run.kind, model::RunnerKind::kBatch);
    EXPECT_EQ(deep.run.batch_size, 5);
    EXPECT_EQ(deep.pools, (std::map<std::string, int>{{"q", 2}}));
    const auto& windows = std::get<model::TimeWindows>(deep.partitions.dimensions[0].values);
    EXPECT_EQ(windows.timezone, "Europe/Berlin");
    EXPECT_EQ(windows.start, "2025-01-01");
    const model::AssetSpec& acme = *find(file, "acme", "deep");
    EXPECT_EQ(acme.env.at("A"), "9");
    EXPECT_EQ(acme.env.at("C"), "4");
    EXPECT_EQ(acme.run.batch_size, 6);
    EXPECT_EQ(acme.run.argv, std::vector<std::string>{"./b"});
    EXPECT_EQ(acme.secrets.at("S"), (model::SecretRef{"", "/f"}));
    const auto& own = std::get<model::TimeWindows>(acme.partitions.dimensions[0].values);
    EXPECT_EQ(own.unit, model::Unit::kCron);
    EXPECT_EQ(own.start, "2025-01-01");
    EXPECT_TRUE(std::holds_alternative<model::StaticKeys>(
        find(file, "acme", "keyed")->partitions.dimensions[0].values
    ));
}

TEST(AssetFile, AProblemInDefaultsIsReportedOnceAtItsOwnPlace) {
    const Error error = refused(
        "version: 1\ndefaults: {timeout: soon, overrides: {x: {}}}\nassets:\n"
        "  a: {partitions: {keys: [x]}, run: {command: [a]}}\n"
        "  b: {partitions: {keys: [x]}, run: {command: [b]}}\n"
    );
    ASSERT_EQ(error.fields.size(), 2U) << listing(error);
    EXPECT_EQ(error.fields[0].field, "defaults.overrides");
    EXPECT_EQ(error.fields[1].field, "defaults.timeout");
    const Error over = refused(with_line("overrides: {acme: {timeout: soon}}"));
    ASSERT_EQ(over.fields.size(), 1U) << listing(over);
    EXPECT_EQ(over.fields[0].field, "assets.a.overrides.acme.timeout");
}

TEST(AssetFile, AnOverrideNamesOneOfTheTenants) {
    const Error error = refused(
        "version: 1\ntenants: [acme, bigco]\nassets:\n  a: {partitions: {keys: [x]}, "
        "run: {command: [a]}, overrides: {bigcoo: {timeout: 1h}}}\n"
    );
    EXPECT_EQ(
        error.fields[0].message,
        "\"bigcoo\" is not among the file's tenants. Did you mean \"bigco\"?"
    );
}

TEST(AssetFile, ASecretsValueIsRefusedAndNeverRepeated) {
    for (const std::string line :
         {"secrets: {DSN: hunter2}",
          "secrets: {DSN: {env: hunter2=}}",
          "secrets: {DSN: [hunter2]}",
          "secrets: {DSN: {value: hunter2}}",
          "secrets: {DSN: {env: A, file: hunter2}}",
          "secrets: {DSN: {hunter2}}",
          "secrets: {DSN: {}}"}) {
        const Error error = refused(with_line(line));
        EXPECT_EQ(listing(error).find("hunter2"), std::string::npos) << listing(error);
        EXPECT_EQ(error.fields[0].field.substr(0, 20), "assets.a.secrets.DSN") << line;
    }
    EXPECT_NE(problem("secrets: {DSN: x}").message.find("DSN: {env: NAME}"), std::string::npos);
    EXPECT_FALSE(problem("secrets: {SERVO_X: {env: A}}").message.empty());
    EXPECT_FALSE(refused(with_line("env: {A: x}\n    secrets: {A: {env: B}}")).fields.empty());
}

TEST(AssetFile, TemplatesAreChecked) {
    EXPECT_EQ(problem("env: {A: \"{partition.kye}\"}").field, "assets.a.env.A");
    parsed(with_line("env: {A: \"{partition.key} {tenant} {{x} {attempt}\"}"));
    const auto with_run = [](std::string_view partitions, std::string_view run) {
        return "version: 1\nassets: {a: {partitions: " + std::string(partitions) +
               ", run: " + std::string(run) + "}}\n";
    };
    parsed(with_run("{keys: [x]}", R"({command: ["a", "{partition.index}"]})"));
    EXPECT_EQ(
        refused(with_run("{keys: [x]}", R"({command: ["a", "{partition.start}"]})"))
            .fields[0]
            .field,
        "assets.a.run.command[1]"
    );
    EXPECT_EQ(
        refused(with_run("{keys: [x]}", R"({worker: {argv: ["{partition.key}"]}})"))
            .fields[0]
            .field,
        "assets.a.run.worker.argv[0]"
    );
    const std::string product =
        "{dimensions: {d: {every: day, start: 2024-01-01}, r: {keys: [eu]}}}";
    parsed(with_run(product, R"({command: ["a", "{partition.dim.r}"]})"));
    refused(with_run(product, R"({command: ["a", "{partition.dim.x}"]})"));
    refused(with_run(product, R"({command: {argv: ["echo {partition.key}"], shell: true}})"));
    parsed(
        with_run(product, R"({command: {argv: ["echo ${HOME} {partition.dim.d}"], shell: true}})")
    );
}

TEST(AssetFile, EachFieldHasBounds) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"timeout: 600", "assets.a.timeout"},
        {"timeout: 1ms", "assets.a.timeout"},
        {"timeout: 31d", "assets.a.timeout"},
        {"timeout: [1h]", "assets.a.timeout"},
        {"timeout:", "assets.a.timeout"},
        {"owner: ''", "assets.a.owner"},
        {"owner: \"a\\e[1m\"", "assets.a.owner"},
        {"resources: {memory: 12}", "assets.a.resources.memory"},
        {"resources: {memory: lots}", "assets.a.resources.memory"},
        {"resources: {cpu: 0}", "assets.a.resources.cpu"},
        {"resources: {cpu: half}", "assets.a.resources.cpu"},
        {"retries: {max_attempts: 0}", "assets.a.retries.max_attempts"},
        {"retries: {max_attempts: \"3\"}", "assets.a.retries.max_attempts"},
        {"retries: {by_class: {external: 3}}", "assets.a.retries.by_class.external"},
        {"retries: {by_class: {lost: 3}}", "assets.a.retries.by_class.lost"},
        {"retries: {backoff: {initial: 10m}}", "assets.a.retries.backoff.initial"},
        {"exit_codes: {0: data}", "assets.a.exit_codes.0"},
        {"exit_codes: {256: data}", "assets.a.exit_codes.256"},
        {"exit_codes: {01: data}", "assets.a.exit_codes.01"},
        {"exit_codes: {7: lost}", "assets.a.exit_codes.7"},
        {"exit_codes: {7: extrenal}", "assets.a.exit_codes.7"},
        {"limits: {concurrency: 0}", "assets.a.limits.concurrency"},
        {"pools: {p: 0}", "assets.a.pools.p"},
        {"pools: [p, p]", "assets.a.pools[1]"},
        {"pools: 3", "assets.a.pools"},
        {"env: {1A: x}", "assets.a.env.1A"},
        {"env: {SERVO_X: x}", "assets.a.env.SERVO_X"},
        {"env: {A: [x]}", "assets.a.env.A"},
        {"env: {A: null}", "assets.a.env.A"},
        {"env: [A]", "assets.a.env"},
        {"labels: {\"a b\": x}", "assets.a.labels.a b"},
        {"sequential: \"true\"", "assets.a.sequential"},
        {"upstream: {b: {mapping: sme}}", "assets.a.upstream.b.mapping"},
        {"upstream: {b: {mapping: {offset: 0}}}", "assets.a.upstream.b.mapping.offset"},
        {"upstream: {b: {mapping: {offset: -1, x: 2}}}", "assets.a.upstream.b.mapping"},
        {"upstream: {b: same}", "assets.a.upstream.b"},
        {"overrides: {acme: {overrides: {}}}", "assets.a.overrides.acme.overrides"},
    };
    for (const auto& [line, field] : cases) {
        EXPECT_EQ(problem(line).field, field) << line;
        EXPECT_EQ(problem(line).line, 6) << line;
    }
}

TEST(AssetFile, ExactlyOneRunner) {
    const auto field = [](std::string_view run) {
        const Error error = refused(
            "version: 1\nassets: {a: {partitions: {keys: [x]}, run: " + std::string(run) + "}}\n"
        );
        return error.fields.empty() ? "" : error.fields[0].field;
    };
    EXPECT_EQ(field("{}"), "assets.a.run");
    EXPECT_EQ(field("{command: [a], worker: [b]}"), "assets.a.run.worker");
    EXPECT_EQ(field("{command: []}"), "assets.a.run.command");
    EXPECT_EQ(field("{command: ['']}"), "assets.a.run.command");
    EXPECT_EQ(field("{command: python3 load.py}"), "assets.a.run.command");
    EXPECT_EQ(field("{command: {shell: true}}"), "assets.a.run.command.argv");
    EXPECT_EQ(field("{worker: {argv: [a], shell: true}}"), "assets.a.run.worker.shell");
    EXPECT_EQ(field("{batch: {argv: [a], size: 0}}"), "assets.a.run.batch.size");
    EXPECT_EQ(field("{synthetic: [a]}"), "assets.a.run.synthetic");
    EXPECT_EQ(field("{synthetic: {spread: 0.5%}}"), "assets.a.run.synthetic.spread");
    EXPECT_EQ(field("{synthetic: {fail_rate: 0.5}}"), "assets.a.run.synthetic.fail_rate");
    EXPECT_EQ(field("{synthetic: {fail_class: lost}}"), "assets.a.run.synthetic.fail_class");
    EXPECT_EQ(field("[a]"), "assets.a.run");
    const AssetFile file = parsed(
        "version: 1\nassets: {a: {partitions: {keys: [x]}, run: {synthetic: {duration: 500us, "
        "spread: 20%, fail_rate: 0.5%, fail_class: external}}}}\n"
    );
    EXPECT_EQ(
        file.assets[0].spec.run.synthetic,
        (model::SyntheticSpec{Micros(500), 20, 5, model::FailureClass::kExternal})
    );
}

TEST(AssetFile, SchemesAreCheckedWhereTheyAreWritten) {
    const auto field = [](std::string_view partitions) {
        const Error error = refused(
            "version: 1\nassets: {a: {partitions: " + std::string(partitions) +
            ", run: {command: [a]}}}\n"
        );
        EXPECT_EQ(error.fields.empty() ? 0 : error.fields[0].line, 2);
        return error.fields.empty() ? "" : error.fields[0].field;
    };
    EXPECT_EQ(field("{}"), "assets.a.partitions");
    EXPECT_EQ(field("{every: day}"), "assets.a.partitions.start");
    EXPECT_EQ(
        field("{every: day, cron: '0 6 * * 1', start: 2024-01-01}"), "assets.a.partitions.cron"
    );
    EXPECT_EQ(field("{every: 7m, start: 2024-01-01}"), "assets.a.partitions.every");
    EXPECT_EQ(field("{every: day, start: 2024-02-30}"), "assets.a.partitions.start");
    EXPECT_EQ(
        field("{every: day, start: 2024-01-01, timezone: Europe/Berln}"),
        "assets.a.partitions.timezone"
    );
    EXPECT_EQ(field("{cron: '61 * * * *', start: 2024-01-01}"), "assets.a.partitions.cron");
    EXPECT_EQ(
        field("{every: day, start: 2024-01-01, week_start: monday}"),
        "assets.a.partitions.week_start"
    );
    EXPECT_EQ(field("{keys: [a, a]}"), "assets.a.partitions.keys[1]");
    EXPECT_EQ(field("{keys: [a b]}"), "assets.a.partitions.keys[0]");
    EXPECT_EQ(field("{keys: [a], start: 2024-01-01}"), "assets.a.partitions.start");
    EXPECT_EQ(field("{keys: []}"), "assets.a.partitions.keys");
    EXPECT_EQ(
        field("{dimensions: {r: {keys: [a]}}, start: 2024-01-01}"), "assets.a.partitions.start"
    );
    EXPECT_EQ(
        field("{dimensions: {r: {keys: [a, a]}}}"), "assets.a.partitions.dimensions.r.keys[1]"
    );
    EXPECT_EQ(field("{dimensions: {R: {keys: [a]}}}"), "assets.a.partitions.dimensions.R");
}

TEST(AssetFile, PoolsAreChecked) {
    const auto field = [](std::string_view pool) {
        const Error error = refused("version: 1\npools: {p: " + std::string(pool) + "}\n");
        return error.fields.empty() ? "" : error.fields[0].field;
    };
    EXPECT_EQ(field("{concurrency: 0}"), "pools.p.concurrency");
    EXPECT_EQ(field("{scope: global}"), "pools.p.scope");
    EXPECT_EQ(
        field("{concurrency: 2, per_tenant: {concurrency: 3}}"), "pools.p.per_tenant.concurrency"
    );
    EXPECT_EQ(field("{scope: tenant, per_tenant: {concurrency: 3}}"), "pools.p.per_tenant");
    EXPECT_EQ(field("{windows: [{for: 1h, concurrency: 1}]}"), "pools.p.windows[0].cron");
    EXPECT_EQ(field("{check: [{timeout: 1s}]}"), "pools.p.check[0].url");
    EXPECT_EQ(field("{check: {url: 'http://a'}}"), "pools.p.check");
    for (const char* url : {"file:///etc/passwd", "https://me:pass@a.example", "http://a b"}) {
        EXPECT_EQ(field("{check: [{url: '" + std::string(url) + "'}]}"), "pools.p.check[0].url");
    }
    const Error brief = refused("version: 1\npools: {p: {check: [{url: 'a:80'}]}}\n");
    EXPECT_TRUE(brief.fields.at(0).message.starts_with("Must begin with http:// or https://"))
        << brief.fields.at(0).message;
    EXPECT_EQ(
        field("{check: [{url: 'http://a.example', bearer: eyJhbGci}]}"), "pools.p.check[0].bearer"
    );
    EXPECT_EQ(
        field("{check: [{url: 'http://a.example', headers: {'X Y': {env: A}}}]}"),
        "pools.p.check[0].headers.X Y"
    );
    EXPECT_EQ(
        field("{windows: [{cron: '0 99 * * *', for: 1h, concurrency: 1}]}"),
        "pools.p.windows[0].cron"
    );
    EXPECT_EQ(
        field("{windows: [{cron: '0 9 * * *', for: 1h, concurrency: 1, timezone: Mars}]}"),
        "pools.p.windows[0].timezone"
    );
    EXPECT_EQ(field("{windows: {}}"), "pools.p.windows");
    EXPECT_EQ(field("[]"), "pools.p");
}

TEST(AssetFile, ReferencesExistAndFit) {
    const auto file = [](std::string_view a, std::string_view b) {
        return "version: 1\npools: {p: {concurrency: 2}}\nassets:\n  a:\n    " + std::string(a) +
               "\n    run: {command: [a]}\n  b:\n    " + std::string(b) +
               "\n    run: {command: [b]}\n";
    };
    const std::string day = "partitions: {every: day, start: 2024-01-01}";
    const std::string week = "partitions: {every: week, start: 2024-01-01}";
    const std::string keys = "partitions: {keys: [x]}";
    const auto link = [](const std::string& scheme, std::string_view mapping) {
        return scheme + "\n    upstream: {b: {mapping: " + std::string(mapping) + "}}";
    };
    parsed(file(link(day, "same"), day));
    parsed(file(link(day, "{offset: -1}"), day));
    parsed(file(link(day, "overlap"), week));
    parsed(file(link(day, "all"), keys));
    for (const std::string& bad :
         {file(link(day, "same"), week),
          file(link(day, "{offset: -1}"), week),
          file(link(day, "overlap"), keys),
          file(link(keys, "{offset: 1}"), keys)}) {
        const Error error = refused(bad);
        EXPECT_EQ(error.fields[0].field, "assets.a.upstream.b");
        EXPECT_EQ(error.fields[0].line, 6);
    }
    EXPECT_EQ(
        refused(file(day + "\n    upstream: {bb: {}}", day)).fields[0].message,
        "There is no asset \"bb\", neither in this file nor applied before. Did you mean \"b\"?"
    );
    EXPECT_EQ(refused(file(day + "\n    pools: {q: 1}", day)).fields[0].field, "assets.a.pools.q");
    EXPECT_EQ(refused(file(day + "\n    pools: {p: 3}", day)).fields[0].line, 6);
    parsed(file(day + "\n    pools: {p: 2}", day));
}

TEST(AssetFile, CyclesAreNamed) {
    const auto chain = [](std::initializer_list<std::pair<std::string, std::string>> links) {
        std::string out = "version: 1\nassets:\n";
        for (const auto& [name, upstream] : links) {
            out += "  " + name + ": {partitions: {keys: [x]}, run: {command: [a]}";
            out += upstream.empty() ? "}\n" : ", upstream: {" + upstream + ": {}}}\n";
        }
        return out;
    };
    parsed(chain({{"a", "b"}, {"b", "c"}, {"c", ""}}));
    const Error error = refused(chain({{"a", "b"}, {"b", "c"}, {"c", "b"}}));
    ASSERT_EQ(error.fields.size(), 1U) << listing(error);
    EXPECT_EQ(error.fields[0].message, "An asset cannot wait for itself: b needs c needs b.");
    EXPECT_EQ(error.fields[0].line, 5);
    EXPECT_EQ(
        refused(chain({{"a", "a"}})).fields[0].message,
        "An asset cannot wait for itself: a needs a."
    );
}

TEST(AssetFile, AppliedAssetsAndPoolsCount) {
    model::AssetSpec applied;
    applied.name = "old";
    applied.partitions.dimensions = {{"", model::StaticKeys{{"x"}, {}}}};
    model::PoolSpec pool;
    pool.concurrency = 1;
    ParseOptions options;
    const std::string body =
        "assets: {a: {partitions: {keys: [x]}, run: {command: [a]}, upstream: {old: {}}, "
        "pools: [db], overrides: {bigco: {pools: {db: 2}}}}}\n";
    const std::string listed = "version: 1\ntenants: [acme, bigco]\n" + body;
    const auto only_acme = [](std::string_view tenant) { return tenant == "acme"; };
    options.applied.asset = [&](std::string_view tenant, std::string_view name) {
        return only_acme(tenant) && name == "old" ? &applied : nullptr;
    };
    options.applied.pool = [&](std::string_view, std::string_view name) {
        return name == "db" ? &pool : nullptr;
    };
    // bigco has no asset "old", and takes more than the pool has.
    EXPECT_EQ(refused(listed, options).fields.size(), 2U) << listing(refused(listed, options));
    parsed(
        "version: 1\ntenant: acme\n" + body.substr(0, body.find(", overrides")) + "}}\n", options
    );

    // Whose file it is, is not known while it is parsed.
    const std::string unset = "version: 1\n" + body;
    EXPECT_EQ(refused(unset).fields.size(), 2U) << listing(refused(unset));
    const AssetFile file = parsed(unset, options);
    EXPECT_TRUE(check_tenant(file, "acme", options.applied).empty());
    const std::vector<FieldError> problems = check_tenant(file, "bigco", options.applied);
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_EQ(problems[0].field, "assets.a.upstream.old");
    EXPECT_EQ(problems[0].line, 2);
    EXPECT_EQ(problems[1].field, "assets.a.pools.db");

    applied.upstream["a"] = {};
    EXPECT_NE(listing(refused(listed, options)).find("wait for itself"), std::string::npos);

    // The nearest name may be an applied one.
    options.applied.asset_names = [](std::string_view) { return std::vector<std::string>{"old"}; };
    options.applied.pool_names = [](std::string_view) { return std::vector<std::string>{"db"}; };
    const std::string mistyped = listing(refused(
        "version: 1\ntenant: acme\nassets: {a: {partitions: {keys: [x]}, run: {command: [a]}, "
        "upstream: {olds: {}}, pools: [dbs]}}\n",
        options
    ));
    EXPECT_NE(mistyped.find("Did you mean \"old\"?"), std::string::npos) << mistyped;
    EXPECT_NE(mistyped.find("Did you mean \"db\"?"), std::string::npos) << mistyped;
}

TEST(AssetFile, AMistypedFailureClassGetsTheNearest) {
    const std::string told =
        listing(refused("version: 1\nassets: {a: {partitions: {keys: [x]}, run: {command: [a]}, "
                        "retries: {by_class: "
                        "{timeoout: 1}}}}\n"));
    EXPECT_NE(told.find("Did you mean \"timeout\"?"), std::string::npos) << told;
}

TEST(AssetFile, LimitsAreNamed) {
    std::string many =
        "version: 1\ndefaults: {partitions: {keys: [x]}, run: {command: [a]}}\nassets:\n";
    for (int i = 0; i <= static_cast<int>(kAssetsMax); ++i) {
        many += "  a" + std::to_string(i) + ": {}\n";
    }
    EXPECT_NE(listing(refused(many)).find("at most 1000 assets"), std::string::npos);
    std::string heavy = "version: 1\ndefaults: {partitions: {keys: [";
    for (int i = 0; i < 20'000; ++i) {
        heavy += "k" + std::to_string(i) + ",";
    }
    heavy += "z]}, run: {command: [a]}}\nassets:\n";
    for (int i = 0; i < 100; ++i) {
        heavy += "  a" + std::to_string(i) + ": {}\n";
    }
    EXPECT_NE(listing(refused(heavy)).find("1000000 values"), std::string::npos);
    std::string wrong = "version: 1\nassets:\n";
    for (int i = 0; i < 500; ++i) {
        wrong += "  a" + std::to_string(i) + ": {}\n";
    }
    EXPECT_LE(refused(wrong).fields.size(), kProblemsMax + 1);
}

TEST(AssetFile, TheWholeIsChecked) {
    EXPECT_EQ(
        refused("").fields[0].message, "The file is empty; `servo init` writes one to start from."
    );
    EXPECT_EQ(refused("assets: {}").fields[0].field, "version");
    EXPECT_EQ(refused("version: 2").fields[0].field, "version");
    EXPECT_EQ(refused("- a").fields[0].message, "Must be a mapping, not a list.");
    EXPECT_EQ(refused("version: 1\nversion: 1\n").fields[0].line, 2);
    EXPECT_EQ(refused("version: [").reason, "invalid_asset_file");
}

TEST(AssetFile, DamagedFilesNeverCrash) {
    constexpr std::string_view kMarks = "{}[]:,&*x1\" \n";
    Prng random(5);
    const std::vector<std::string> lines = split(kFull, '\n');
    for (int round = 0; round < 400; ++round) {
        std::string text(kFull);
        for (uint64_t k = 1 + random.below(3); k > 0; --k) {
            const size_t at = random.below(text.size());
            switch (random.below(3)) {
                case 0:
                    text.erase(at, random.below(30));
                    break;
                case 1:
                    text[at] = kMarks[random.below(kMarks.size())];
                    break;
                default:
                    text.insert(at, lines[random.below(lines.size())]);
            }
        }
        const Result<AssetFile> file = parse_asset_file(text);
        if (!file.has_value()) {
            EXPECT_FALSE(file.error().fields.empty());
        }
    }
}

}  // namespace
}  // namespace servo::config
