#include "model/asset_codec.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/text.h"

namespace servo::model {
namespace {

namespace json = boost::json;

// Collects the members of one object and emits them sorted; a member equal to its default is left
// out unless defaults are wanted.
class Members {
 public:
    explicit Members(JsonDefaults defaults) : defaults_(defaults) {}

    template <typename Form>
    void put(std::string_view name, Form&& form) {
        members_.insert_or_assign(std::string(name), json::value(std::forward<Form>(form)));
    }
    template <typename T, typename Form>
    void put_unless(std::string_view name, const T& value, const T& usual, Form&& form) {
        if (value != usual || defaults_ == JsonDefaults::kInclude) {
            put(name, std::forward<Form>(form));
        }
    }
    void text(std::string_view name, const std::string& value, const std::string& usual = "") {
        put_unless(name, value, usual, value);
    }
    void object(std::string_view name, json::object value) {
        if (!value.empty()) {
            put(name, std::move(value));
        }
    }
    json::object take() {
        json::object out;
        for (auto& [name, value] : members_) {
            out.emplace(name, std::move(value));
        }
        return out;
    }

 private:
    JsonDefaults defaults_;
    std::map<std::string, json::value> members_;
};

json::array text_array(const std::vector<std::string>& items) {
    json::array out;
    out.reserve(items.size());
    for (const std::string& item : items) {
        out.emplace_back(item);
    }
    return out;
}

json::object text_object(const std::map<std::string, std::string>& items) {
    json::object out;
    for (const auto& [name, value] : items) {
        out.emplace(name, value);
    }
    return out;
}

std::string cpu_text(int milli) {
    return milli % 1'000 == 0 ? fmt::format("{}", milli / 1'000) : fmt::format("{}m", milli);
}

void put_windows(Members& out, const TimeWindows& windows) {
    const TimeWindows usual;
    if (windows.unit == Unit::kCron) {
        out.put("cron", windows.cron);
    } else {
        out.put("every", format_every(windows.unit, windows.every));
    }
    if (windows.unit == Unit::kWeek || windows.week_start != usual.week_start) {
        out.put_unless(
            "week_start", windows.week_start, usual.week_start, to_string(windows.week_start)
        );
    }
    out.text("timezone", windows.timezone, usual.timezone);
    out.text("start", windows.start);
    out.text("end", windows.end);
    out.put_unless("end_offset", windows.end_offset, usual.end_offset, windows.end_offset);
}

void put_dimension(Members& out, const Dimension& dimension) {
    if (const auto* windows = std::get_if<TimeWindows>(&dimension.values)) {
        put_windows(out, *windows);
        return;
    }
    const StaticKeys& keys = std::get<StaticKeys>(dimension.values);
    out.put("keys", text_array(keys.keys));
    if (!keys.retired.empty()) {
        out.put("retired", text_array({keys.retired.begin(), keys.retired.end()}));
    }
}

// One unnamed dimension is written flat; a product as an array, since its order counts.
json::object scheme_object(const SchemeSpec& scheme, JsonDefaults defaults) {
    Members out(defaults);
    if (scheme.dimensions.size() == 1 && scheme.dimensions[0].name.empty()) {
        put_dimension(out, scheme.dimensions[0]);
        return out.take();
    }
    json::array list;
    for (const Dimension& dimension : scheme.dimensions) {
        Members one(defaults);
        one.put("name", dimension.name);
        put_dimension(one, dimension);
        list.emplace_back(one.take());
    }
    if (!list.empty()) {
        out.put("dimensions", std::move(list));
    }
    return out.take();
}

json::object run_object(const RunnerSpec& run, JsonDefaults defaults) {
    const RunnerSpec usual;
    Members options(defaults);
    if (run.kind == RunnerKind::kSynthetic) {
        const SyntheticSpec& synthetic = run.synthetic;
        options.put("duration", format_micros(synthetic.duration));
        options.put_unless(
            "spread_percent",
            synthetic.spread_percent,
            usual.synthetic.spread_percent,
            synthetic.spread_percent
        );
        options.put_unless(
            "fail_per_mille",
            synthetic.fail_per_mille,
            usual.synthetic.fail_per_mille,
            synthetic.fail_per_mille
        );
        options.put_unless(
            "fail_class",
            synthetic.fail_class,
            usual.synthetic.fail_class,
            to_string(synthetic.fail_class)
        );
    } else {
        options.put("argv", text_array(run.argv));
    }
    if (run.kind == RunnerKind::kCommand) {
        options.put_unless("shell", run.shell, usual.shell, run.shell);
    }
    if (run.kind == RunnerKind::kBatch) {
        options.put_unless("size", run.batch_size, usual.batch_size, run.batch_size);
    }
    json::object out;
    out.emplace(to_string(run.kind), options.take());
    return out;
}

json::object retries_object(const RetryPolicy& retries, JsonDefaults defaults) {
    const RetryPolicy usual;
    Members out(defaults);
    if (retries.max_attempts) {
        out.put("max_attempts", *retries.max_attempts);
    }
    std::map<std::string, json::value> by_name;
    for (const auto& [klass, attempts] : retries.by_class) {
        by_name.emplace(to_string(klass), attempts);
    }
    json::object by_class;
    for (const auto& [name, attempts] : by_name) {
        by_class.emplace(name, attempts);
    }
    out.object("by_class", std::move(by_class));
    Members backoff(defaults);
    backoff.put_unless(
        "initial",
        retries.backoff_initial,
        usual.backoff_initial,
        format_duration(retries.backoff_initial)
    );
    backoff.put_unless(
        "max", retries.backoff_max, usual.backoff_max, format_duration(retries.backoff_max)
    );
    out.object("backoff", backoff.take());
    out.put_unless(
        "external_max_elapsed",
        retries.external_max_elapsed,
        usual.external_max_elapsed,
        format_duration(retries.external_max_elapsed)
    );
    return out.take();
}

json::object secrets_object(const std::map<std::string, SecretRef>& secrets) {
    json::object out;
    for (const auto& [name, secret] : secrets) {
        json::object reference;
        if (!secret.env.empty()) {
            reference.emplace("env", secret.env);
        }
        if (!secret.file.empty()) {
            reference.emplace("file", secret.file);
        }
        out.emplace(name, std::move(reference));
    }
    return out;
}

json::object upstream_object(const std::map<std::string, UpstreamLink>& upstream) {
    json::object out;
    for (const auto& [name, link] : upstream) {
        json::object one;
        one.emplace("mapping", to_string(link.mapping));
        if (link.offset != 0) {
            one.emplace("offset", link.offset);
        }
        out.emplace(name, std::move(one));
    }
    return out;
}

json::object exit_codes_object(const std::map<int, FailureClass>& codes) {
    std::map<std::string, std::string_view> by_text;
    for (const auto& [code, klass] : codes) {
        by_text.emplace(fmt::format("{}", code), to_string(klass));
    }
    json::object out;
    for (const auto& [code, name] : by_text) {
        out.emplace(code, name);
    }
    return out;
}

void put_limits(Members& out, const AssetSpec& spec, JsonDefaults defaults) {
    const AssetSpec usual;
    Members resources(defaults);
    resources.put_unless(
        "memory", spec.memory_bytes, usual.memory_bytes, format_bytes(spec.memory_bytes)
    );
    resources.put_unless("cpu", spec.cpu_milli, usual.cpu_milli, cpu_text(spec.cpu_milli));
    out.object("resources", resources.take());
    Members limits(defaults);
    limits.put_unless("concurrency", spec.concurrency, usual.concurrency, spec.concurrency);
    out.object("limits", limits.take());
    json::object pools;
    for (const auto& [name, units] : spec.pools) {
        pools.emplace(name, units);
    }
    out.object("pools", std::move(pools));
}

}  // namespace

json::object asset_to_json(const AssetSpec& spec, JsonDefaults defaults) {
    const AssetSpec usual;
    Members out(defaults);
    out.put("name", spec.name);
    out.text("owner", spec.owner);
    out.text("description", spec.description);
    out.object("partitions", scheme_object(spec.partitions, defaults));
    out.put("run", run_object(spec.run, defaults));
    out.object("env", text_object(spec.env));
    out.object("secrets", secrets_object(spec.secrets));
    out.object("labels", text_object(spec.labels));
    out.put_unless("timeout", spec.timeout, usual.timeout, format_duration(spec.timeout));
    out.object("retries", retries_object(spec.retries, defaults));
    out.object("exit_codes", exit_codes_object(spec.exit_codes));
    put_limits(out, spec, defaults);
    out.text("code_version", spec.code_version);
    out.put_unless("sequential", spec.sequential, usual.sequential, spec.sequential);
    out.object("upstream", upstream_object(spec.upstream));
    return out.take();
}

std::string encode_asset(const AssetSpec& spec) {
    Members out(JsonDefaults::kLeaveOut);
    out.put("codec", kAssetCodecVersion);
    for (auto& member : asset_to_json(spec, JsonDefaults::kLeaveOut)) {
        out.put(member.key(), std::move(member.value()));
    }
    return json::serialize(out.take());
}

int attempts_allowed(const RetryPolicy& policy, FailureClass klass) {
    const FailureTraits& row = traits(klass);
    if (!row.counts_attempt) {
        return row.attempts_default;
    }
    if (const auto own = policy.by_class.find(klass); own != policy.by_class.end()) {
        return own->second;
    }
    return policy.max_attempts.value_or(row.attempts_default);
}

}  // namespace servo::model
