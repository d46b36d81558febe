#include <fmt/format.h>

#include "base/text.h"
#include "config/keys.h"
#include "config/schema.h"
#include "model/asset_codec.h"

namespace servo::config {
namespace {

constexpr std::string_view kIntroduction = R"(# The asset file

`servo.yaml`, as `servo apply -f` and `servo dev -f` read it. `servo init` writes one to start from.
Editors check it with [servo.schema.json](servo.schema.json).

```yaml
version: 1
tenants: [acme, bigco]
defaults: { timeout: 1h, owner: data-eng }
pools:
  warehouse: { scope: shared, concurrency: 8, per_tenant: { concurrency: 4 } }
assets:
  orders:
    partitions: { every: day, start: 2024-01-01, timezone: Europe/Berlin }
    run:
      command: [python3, load.py, --day, "{partition.key}"]
    timeout: 10m
    pools: { warehouse: 1 }
    overrides: { bigco: { timeout: 2h } }
  regions:
    partitions: { keys: [eu, us, apac] }
    run: { command: [./region.sh] }
```

## Rules of the whole file

- An unknown key is an error and names the nearest one that exists. All problems of a file are
  reported at once, each with its line.
- Keys that start with `x-` are ignored in every mapping but that of a check's `headers`, so that
  anchors have a place; aliases and `<<` merges are expanded. A key given twice is an error.
- `defaults` is laid under every asset, a tenant's entry in `overrides` over it. Mappings are merged
  key by key; lists and single values are replaced. Another runner, another way to cut partitions, a
  secret and an upstream link are replaced as a whole.
- Durations are written `250ms`, `90s`, `15m`, `2h`, `1d` or a sum such as `1h30m`; sizes `512Mi`,
  `2Gi`, `1G`.
- Limits: 1 MiB of text, 64 levels, 200,000 values with aliases expanded, 2,000 keys in a mapping, 1,000
  assets, 1,000 listed tenants.

## Templates

In `argv` and in the values of `env` these are replaced: `{partition.key}`, `{partition.start}`,
`{partition.end}`, `{partition.index}`, `{partition.dim.NAME}`, `{tenant}`, `{attempt}`. Another
`{word}` is an error; `{{` stands for a brace; braces around anything but one word stay as they are.
A worker's command line knows only `{tenant}`, a batch's also `{partition.start}`, `{partition.end}`
(the hull of its windows) and `{attempt}`. In a shell script `${NAME}` is left to the shell, and a
value that a shell would interpret is refused.
)";

std::string bounds(const KeyDecl& key, std::string (*show)(int64_t)) {
    return fmt::format("{} to {}", show(key.low), show(key.high));
}

std::string form_text(const KeyDecl& key) {
    switch (key.form) {
        case KeyForm::kText:
            return "text";
        case KeyForm::kDuration:
            return "duration, " +
                   bounds(key, [](int64_t ms) { return format_duration(Millis(ms)); });
        case KeyForm::kMicros:
            return "duration, " +
                   bounds(key, [](int64_t us) { return model::format_micros(Micros(us)); });
        case KeyForm::kBytes:
            return "size, " + bounds(key, [](int64_t bytes) { return model::format_bytes(bytes); });
        case KeyForm::kCpu:
            return "number, from 1m";
        case KeyForm::kInteger:
            return "whole number, " + bounds(key, [](int64_t n) { return with_commas(n); });
        case KeyForm::kBoolean:
            return "`true` or `false`";
        case KeyForm::kWord:
            return fmt::format("`{}`", fmt::join(key.words, "`, `"));
        case KeyForm::kPercent:
            return "percentage";
        case KeyForm::kEvery:
            return "window";
        case KeyForm::kTextList:
            return "list of texts";
        case KeyForm::kStaticKeys:
            return fmt::format("list of keys `{}`", kStaticKeyPattern);
        case KeyForm::kTenant:
            return "tenant name";
        case KeyForm::kTenants:
            return "list of tenant names, or `all`";
        case KeyForm::kTextMap:
        case KeyForm::kLabelMap:
            return "names to text";
        case KeyForm::kExitCodes:
            return "exit codes to classes";
        case KeyForm::kAttempts:
            return "classes to " + bounds(key, [](int64_t n) { return with_commas(n); });
        case KeyForm::kUnits:
            return "pools to units, or a list of pools";
        case KeyForm::kMapping:
            return "mapping";
        case KeyForm::kNamed:
            return "mapping by name";
        case KeyForm::kArgvOr:
            return "list of texts, or mapping";
        case KeyForm::kUpstreamMapping:
            return "`same`, `overlap`, `all` or `{offset: n}`";
        case KeyForm::kList:
            return fmt::format("list of at most {} mappings", key.high);
    }
    return "";
}

}  // namespace

std::string asset_file_reference() {
    std::string out(kIntroduction);
    for (size_t i = 0; i < kScopeCount; ++i) {
        const MappingDecl& mapping = declaration(static_cast<Scope>(i));
        out += fmt::format("\n## `{}`\n\n{}\n\n", mapping.where, mapping.doc);
        out += "| key | value | default | meaning |\n|---|---|---|---|\n";
        std::vector<std::string> later;
        for (const KeyDecl& key : mapping.keys) {
            if (key.reserved) {
                later.push_back(fmt::format("`{}`", key.name));
                continue;
            }
            std::string doc(key.doc);
            for (size_t at = doc.find('|'); at != std::string::npos; at = doc.find('|', at + 2)) {
                doc.replace(at, 1, "\\|");
            }
            const std::string usual = key.usual.empty() ? "" : fmt::format("`{}`", key.usual);
            out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, form_text(key), usual, doc);
        }
        if (!later.empty()) {
            out += fmt::format("\nReserved, not in this version: {}.\n", join(later, ", "));
        }
    }
    return out;
}

}  // namespace servo::config
