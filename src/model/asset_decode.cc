#include <fmt/format.h>

#include <boost/json.hpp>
#include <stdexcept>

#include "base/text.h"
#include "model/asset_codec.h"

namespace servo::model {
namespace {

namespace json = boost::json;

// Thrown and caught inside decode_asset only.
struct Corrupt : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <typename T>
T need(std::optional<T> value, std::string_view what) {
    if (!value) {
        throw Corrupt(fmt::format("{} is not a known word", what));
    }
    return *std::move(value);
}

template <typename T>
T need(Result<T> value) {
    if (!value) {
        throw Corrupt(value.error().message);
    }
    return *std::move(value);
}

int to_int(const json::value& value) {
    const int64_t wide = value.as_int64();
    if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max()) {
        throw Corrupt("a number is out of range");
    }
    return static_cast<int>(wide);
}

std::string to_text(const json::value& value) {
    return std::string(value.as_string());
}

// Hands out the members of one object; what is left at the end is an unknown member.
class Source {
 public:
    explicit Source(const json::value& value) : members_(value.as_object()) {}

    // Null pointer when absent. Valid until the next call.
    const json::value* take(std::string_view name) {
        const auto* found = members_.if_contains(name);
        if (found == nullptr) {
            return nullptr;
        }
        taken_ = *found;
        members_.erase(name);
        return &taken_;
    }
    json::value must(std::string_view name) {
        const json::value* found = take(name);
        if (found == nullptr) {
            throw Corrupt(fmt::format("\"{}\" is missing", name));
        }
        return *found;
    }
    void text(std::string_view name, std::string& out) {
        if (const json::value* found = take(name)) {
            out = to_text(*found);
        }
    }
    void number(std::string_view name, int& out) {
        if (const json::value* found = take(name)) {
            out = to_int(*found);
        }
    }
    void duration(std::string_view name, Millis& out) {
        if (const json::value* found = take(name)) {
            out = need(parse_duration(to_text(*found)));
        }
    }
    void boolean(std::string_view name, bool& out) {
        if (const json::value* found = take(name)) {
            out = found->as_bool();
        }
    }
    // Calls `each(name, value)` for every member of the object called `name`.
    template <typename Each>
    void each(std::string_view name, Each each_member) {
        if (const json::value* found = take(name)) {
            const json::value copy = *found;
            for (const auto& member : copy.as_object()) {
                each_member(std::string(member.key()), member.value());
            }
        }
    }
    void done() const {
        if (!members_.empty()) {
            throw Corrupt(
                fmt::format("unknown member \"{}\"", std::string_view(members_.begin()->key()))
            );
        }
    }

 private:
    json::object members_;
    json::value taken_;
};

std::vector<std::string> to_texts(const json::value& value) {
    std::vector<std::string> out;
    for (const json::value& item : value.as_array()) {
        out.push_back(to_text(item));
    }
    return out;
}

TimeWindows decode_windows(Source& in) {
    TimeWindows windows;
    if (const json::value* cron = in.take("cron")) {
        windows.unit = Unit::kCron;
        windows.cron = to_text(*cron);
    } else {
        const auto [unit, every] = need(parse_every(to_text(in.must("every"))), "every");
        windows.unit = unit;
        windows.every = every;
    }
    if (const json::value* day = in.take("week_start")) {
        windows.week_start = need(weekday_from(to_text(*day)), "week_start");
    }
    in.text("timezone", windows.timezone);
    in.text("start", windows.start);
    in.text("end", windows.end);
    in.number("end_offset", windows.end_offset);
    return windows;
}

Dimension decode_dimension(Source& in) {
    Dimension dimension;
    in.text("name", dimension.name);
    if (const json::value* keys = in.take("keys")) {
        StaticKeys values;
        values.keys = to_texts(*keys);
        if (const json::value* retired = in.take("retired")) {
            for (std::string& key : to_texts(*retired)) {
                values.retired.insert(std::move(key));
            }
        }
        dimension.values = std::move(values);
    } else {
        dimension.values = decode_windows(in);
    }
    in.done();
    return dimension;
}

SchemeSpec decode_scheme(const json::value& value) {
    SchemeSpec scheme;
    Source in(value);
    if (const json::value* list = in.take("dimensions")) {
        for (const json::value& item : list->as_array()) {
            Source one(item);
            scheme.dimensions.push_back(decode_dimension(one));
        }
        in.done();
    } else {
        scheme.dimensions.push_back(decode_dimension(in));
    }
    return scheme;
}

RunnerSpec decode_run(const json::value& value) {
    const json::object& object = value.as_object();
    if (object.size() != 1) {
        throw Corrupt("\"run\" has not exactly one runner");
    }
    RunnerSpec run;
    run.kind = need(runner_kind_from(std::string_view(object.begin()->key())), "runner");
    Source in(object.begin()->value());
    if (run.kind == RunnerKind::kSynthetic) {
        run.synthetic.duration = need(parse_micros(to_text(in.must("duration"))));
        in.number("spread_percent", run.synthetic.spread_percent);
        in.number("fail_per_mille", run.synthetic.fail_per_mille);
        if (const json::value* klass = in.take("fail_class")) {
            run.synthetic.fail_class = need(failure_class_from(to_text(*klass)), "fail_class");
        }
    } else {
        run.argv = to_texts(in.must("argv"));
    }
    in.boolean("shell", run.shell);
    in.number("size", run.batch_size);
    in.done();
    return run;
}

RetryPolicy decode_retries(const json::value& value) {
    RetryPolicy retries;
    Source in(value);
    if (const json::value* attempts = in.take("max_attempts")) {
        retries.max_attempts = to_int(*attempts);
    }
    in.each("by_class", [&](const std::string& name, const json::value& attempts) {
        retries.by_class[need(failure_class_from(name), "by_class")] = to_int(attempts);
    });
    if (const json::value* found = in.take("backoff")) {
        Source backoff(*found);
        backoff.duration("initial", retries.backoff_initial);
        backoff.duration("max", retries.backoff_max);
        backoff.done();
    }
    in.duration("external_max_elapsed", retries.external_max_elapsed);
    in.done();
    return retries;
}

SecretRef decode_secret(const json::value& value) {
    SecretRef secret;
    Source in(value);
    in.text("env", secret.env);
    in.text("file", secret.file);
    in.done();
    return secret;
}

UpstreamLink decode_link(const json::value& value) {
    UpstreamLink link;
    Source in(value);
    link.mapping = need(upstream_mapping_from(to_text(in.must("mapping"))), "mapping");
    in.number("offset", link.offset);
    in.done();
    return link;
}

int decode_cpu(const std::string& text) {
    constexpr int64_t kMax = std::numeric_limits<int>::max();
    if (text.ends_with('m')) {
        return static_cast<int>(need(parse_integer(text.substr(0, text.size() - 1), 0, kMax)));
    }
    return static_cast<int>(need(parse_integer(text, 0, kMax / 1'000)) * 1'000);
}

void decode_limits(Source& in, AssetSpec& spec) {
    if (const json::value* found = in.take("resources")) {
        Source resources(*found);
        if (const json::value* memory = resources.take("memory")) {
            spec.memory_bytes = need(parse_bytes(to_text(*memory)));
        }
        if (const json::value* cpu = resources.take("cpu")) {
            spec.cpu_milli = decode_cpu(to_text(*cpu));
        }
        resources.done();
    }
    if (const json::value* found = in.take("limits")) {
        Source limits(*found);
        if (const json::value* concurrency = limits.take("concurrency")) {
            spec.concurrency = concurrency->as_int64();
        }
        limits.done();
    }
    in.each("pools", [&](const std::string& name, const json::value& units) {
        spec.pools[name] = to_int(units);
    });
}

AssetSpec decode(const json::value& value) {
    AssetSpec spec;
    Source in(value);
    if (to_int(in.must("codec")) != kAssetCodecVersion) {
        throw Corrupt("it was written by a newer version of servo");
    }
    in.text("name", spec.name);
    in.text("owner", spec.owner);
    in.text("description", spec.description);
    if (const json::value* found = in.take("partitions")) {
        spec.partitions = decode_scheme(*found);
    }
    spec.run = decode_run(in.must("run"));
    in.each("env", [&](const std::string& name, const json::value& text) {
        spec.env[name] = to_text(text);
    });
    in.each("secrets", [&](const std::string& name, const json::value& secret) {
        spec.secrets[name] = decode_secret(secret);
    });
    in.each("labels", [&](const std::string& name, const json::value& text) {
        spec.labels[name] = to_text(text);
    });
    in.duration("timeout", spec.timeout);
    if (const json::value* found = in.take("retries")) {
        spec.retries = decode_retries(*found);
    }
    in.each("exit_codes", [&](const std::string& code, const json::value& klass) {
        spec.exit_codes[static_cast<int>(need(parse_integer(code, 0, 255)))] =
            need(failure_class_from(to_text(klass)), "exit_codes");
    });
    decode_limits(in, spec);
    in.text("code_version", spec.code_version);
    in.boolean("sequential", spec.sequential);
    in.each("upstream", [&](const std::string& name, const json::value& link) {
        spec.upstream[name] = decode_link(link);
    });
    in.done();
    return spec;
}

}  // namespace

Result<AssetSpec> decode_asset(std::string_view text) {
    const auto corrupt = [](std::string_view why) {
        return fail(internal(
            "corrupt_payload", fmt::format("The stored definition of an asset is damaged: {}.", why)
        ));
    };
    boost::system::error_code status;
    const json::value value = json::parse(json::string_view(text), status);
    if (status) {
        return corrupt(status.message());
    }
    try {
        return decode(value);
    } catch (const std::exception& error) {  // as_int64() and the like, and Corrupt
        return corrupt(error.what());
    }
}

}  // namespace servo::model
