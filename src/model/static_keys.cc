#include "model/static_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/suggest.h"
#include "base/text.h"
#include "model/time_axis.h"

namespace servo::model {
namespace {

constexpr size_t kErrorsMax = 20;
constexpr size_t kKeysNamedMax = 12;        // of a short list, in what a refusal says
constexpr size_t kKeysExaminedMax = 1'000;  // for the nearest one
constexpr std::string_view kForm = "1 to 128 of the characters A-Z a-z 0-9 . _ -";

void report(std::vector<FieldError>& errors, std::string field, std::string message) {
    if (errors.size() < kErrorsMax) {
        errors.push_back({std::move(field), 0, std::move(message)});
    }
}

}  // namespace

bool is_static_key(std::string_view key) {
    return !key.empty() && key.size() <= kStaticKeyLengthMax &&
           std::all_of(key.begin(), key.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

StaticDimension StaticDimension::compile(
    const StaticKeys& spec, const std::string& path, std::vector<FieldError>& errors
) {
    StaticDimension out;
    if (spec.keys.size() > kStaticKeysMax) {
        report(errors, path + "keys", fmt::format("at most {} keys", kStaticKeysMax));
        return out;
    }
    for (size_t i = 0; i < spec.keys.size(); ++i) {
        if (!is_static_key(spec.keys[i])) {
            report(
                errors,
                fmt::format("{}keys[{}]", path, i),
                fmt::format("\"{}\" is not a key; write {}", spec.keys[i].substr(0, 80), kForm)
            );
        }
    }
    out.keys_ = spec.keys;
    out.by_key_.resize(spec.keys.size());
    std::iota(out.by_key_.begin(), out.by_key_.end(), uint32_t{0});
    std::stable_sort(out.by_key_.begin(), out.by_key_.end(), [&](uint32_t a, uint32_t b) {
        return out.keys_[a] < out.keys_[b];
    });
    for (size_t i = 1; i < out.by_key_.size(); ++i) {
        const uint32_t id = out.by_key_[i];
        if (out.keys_[id] == out.keys_[out.by_key_[i - 1]]) {
            report(
                errors,
                fmt::format("{}keys[{}]", path, id),
                fmt::format("\"{}\" is listed twice", out.keys_[id].substr(0, kStaticKeyLengthMax))
            );
        }
    }
    OrdinalRunBuilder live;
    size_t retired = 0;
    for (size_t id = 0; id < out.keys_.size(); ++id) {
        out.retired_.push_back(spec.retired.contains(out.keys_[id]));
        if (out.retired_.back()) {
            ++retired;
        } else {
            live.add(static_cast<Ordinal>(id));
        }
    }
    out.live_ = live.take();
    out.live_count_ = out.keys_.size() - retired;
    if (retired != spec.retired.size()) {
        report(errors, path + "keys", "a retired key is not in the list");
    }
    if (out.live_.empty()) {
        report(errors, path + "keys", "list at least one key");
    }
    return out;
}

Result<Ordinal> StaticDimension::parse(std::string_view key) const {
    if (!is_static_key(key)) {
        return fail(bad_key(key, kForm));
    }
    const auto found =
        std::lower_bound(by_key_.begin(), by_key_.end(), key, [&](uint32_t id, std::string_view k) {
            return keys_[id] < k;
        });
    if (found == by_key_.end() || keys_[*found] != key) {
        const std::vector<std::string> known = first_live_keys(kKeysExaminedMax);
        const std::string list = live_count_ <= kKeysNamedMax
                                     ? join(known, ", ")
                                     : fmt::format("the {} keys", live_count_);
        return fail(no_such_partition(
            key, fmt::format("it is not one of {}.{}", list, did_you_mean(key, known))
        ));
    }
    if (retired_[*found]) {
        return fail(no_such_partition(key, "it was removed from the list of keys."));
    }
    return static_cast<Ordinal>(*found);
}

std::vector<std::string> StaticDimension::first_live_keys(size_t most) const {
    std::vector<std::string> out;
    for (size_t id = 0; id < keys_.size() && out.size() < most; ++id) {
        if (!retired_[id]) {
            out.push_back(keys_[id]);
        }
    }
    return out;
}

bool StaticDimension::has(Ordinal id) const {
    return id >= 0 && static_cast<uint64_t>(id) < keys_.size();
}

}  // namespace servo::model
