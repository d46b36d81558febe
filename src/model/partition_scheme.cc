#include "model/partition_scheme.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "model/compiled_scheme.h"

namespace servo::model {
namespace {

constexpr size_t kDimensionNameMax = 63;
// Signed bits that the ordinals of windows need up to the year 9999.
constexpr int kCivilBits = 24;
constexpr int kMinuteBits = 35;
constexpr int kOrdinalBits = 63;
constexpr int kStaticBitsMax = 20;

bool is_dimension_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !name.empty() && name.size() <= kDimensionNameMax && letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return letter(c) || (c >= '0' && c <= '9') || c == '_';
           });
}

// Names that differ only in case would give the same environment variable.
std::string upper(std::string_view name) {
    std::string out(name);
    for (char& c : out) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return out;
}

void check_names(const SchemeSpec& spec, std::vector<FieldError>& errors) {
    std::set<std::string> seen;
    const bool unnamed = spec.dimensions.size() == 1 && spec.dimensions.front().name.empty();
    for (const Dimension& dimension : spec.dimensions) {
        const std::string field = "dimensions." + dimension.name.substr(0, kDimensionNameMax);
        if (!unnamed && !is_dimension_name(dimension.name)) {
            errors.push_back(
                {field, 0, "a dimension is named by a letter, then letters, digits or _"}
            );
        } else if (!seen.insert(upper(dimension.name)).second) {
            errors.push_back({field, 0, "two dimensions have this name"});
        }
    }
}

std::vector<CompiledDimension> compile_dimensions(
    const SchemeSpec& spec, std::vector<FieldError>& errors
) {
    std::vector<CompiledDimension> out;
    size_t times = 0;
    for (const Dimension& dimension : spec.dimensions) {
        const std::string path =
            dimension.name.empty() ? "" : fmt::format("dimensions.{}.", dimension.name);
        CompiledDimension compiled;
        compiled.name = dimension.name;
        if (const auto* windows = std::get_if<TimeWindows>(&dimension.values)) {
            compiled.time = TimeDimension::compile(*windows, path, errors);
            if (++times == 2) {
                errors.push_back({path + "every", 0, "only one dimension can be of time"});
            }
        } else {
            compiled.keys =
                StaticDimension::compile(std::get<StaticKeys>(dimension.values), path, errors);
        }
        out.push_back(std::move(compiled));
    }
    return out;
}

std::optional<Unit> time_unit(const SchemeSpec& spec) {
    for (const Dimension& dimension : spec.dimensions) {
        if (const auto* windows = std::get_if<TimeWindows>(&dimension.values)) {
            return windows->unit;
        }
    }
    return std::nullopt;
}

// Gives each dimension of a product its bits; checks that the keys fit.
void lay_out(
    const SchemeSpec& spec,
    std::vector<CompiledDimension>& dimensions,
    std::vector<FieldError>& errors
) {
    if (dimensions.size() < 2) {
        return;
    }
    const std::optional<Unit> unit = time_unit(spec);
    const size_t statics = dimensions.size() - (unit.has_value() ? 1 : 0);
    const int bits = static_bits(statics, unit);
    int shift = bits * static_cast<int>(statics);
    for (size_t i = 0; i < dimensions.size(); ++i) {
        const auto* keys = std::get_if<StaticKeys>(&spec.dimensions[i].values);
        if (keys == nullptr) {
            dimensions[i].shift = bits * static_cast<int>(statics);
            continue;
        }
        shift -= bits;
        dimensions[i].shift = shift;
        dimensions[i].bits = bits;
        if (keys->keys.size() > size_t{1} << bits) {
            errors.push_back(
                {fmt::format("dimensions.{}.keys", dimensions[i].name),
                 0,
                 fmt::format(
                     "{} keys, removed ones included; {} dimensions leave room for {} each",
                     keys->keys.size(),
                     dimensions.size(),
                     size_t{1} << bits
                 )}
            );
        }
    }
}

Error bad_scheme(std::vector<FieldError> errors) {
    const FieldError& first = errors.front();
    Error error = invalid_argument(
        "bad_partitions",
        fmt::format(
            "partitions{}{}: {}{}",
            first.field.empty() ? "" : ".",
            first.field,
            first.message,
            errors.size() > 1 ? fmt::format(" (and {} more)", errors.size() - 1) : ""
        )
    );
    error.fields = std::move(errors);
    return error;
}

Error unknown_ordinal(Ordinal ordinal) {
    return not_found(
        "no_such_partition", fmt::format("The asset has no partition with the number {}.", ordinal)
    );
}

// The error of one part of a joined key, with the name of its dimension.
Error in_dimension(Error error, const std::string& name) {
    if (!name.empty()) {
        error.message = fmt::format("Dimension \"{}\": {}", name, error.message);
    }
    return error;
}

}  // namespace

int static_bits(size_t static_dimensions, std::optional<Unit> unit) {
    int rest = kOrdinalBits;
    if (unit.has_value()) {
        const bool civil = *unit == Unit::kDay || *unit == Unit::kWeek || *unit == Unit::kMonth;
        rest -= civil ? kCivilBits : kMinuteBits;
    }
    return std::min(
        kStaticBitsMax, rest / static_cast<int>(std::max<size_t>(1, static_dimensions))
    );
}

Result<std::shared_ptr<const PartitionScheme>> PartitionScheme::compile(const SchemeSpec& spec) {
    std::vector<FieldError> errors;
    if (spec.dimensions.empty()) {
        errors.push_back({"", 0, "say how to cut the asset: every, cron, keys or dimensions"});
    } else if (spec.dimensions.size() > kDimensionsMax) {
        errors.push_back({"dimensions", 0, fmt::format("at most {} dimensions", kDimensionsMax)});
    }
    if (!errors.empty()) {
        return fail(bad_scheme(std::move(errors)));
    }
    check_names(spec, errors);
    std::vector<CompiledDimension> dimensions = compile_dimensions(spec, errors);
    if (errors.empty()) {
        lay_out(spec, dimensions, errors);
    }
    if (!errors.empty()) {
        return fail(bad_scheme(std::move(errors)));
    }
    return std::make_shared<const CompiledScheme>(spec, std::move(dimensions));
}

CompiledScheme::CompiledScheme(SchemeSpec spec, std::vector<CompiledDimension> dimensions)
    : spec_(std::move(spec)), dimensions_(std::move(dimensions)) {
    for (const CompiledDimension& dimension : dimensions_) {
        if (dimension.time.has_value()) {
            time_ = &dimension;
            timezone_ = dimension.time->axis().zone().name();
        }
    }
}

const CompiledDimension* CompiledScheme::find(std::string_view name) const {
    for (const CompiledDimension& dimension : dimensions_) {
        if (!name.empty() && dimension.name == name) {
            return &dimension;
        }
    }
    return nullptr;
}

Ordinal CompiledScheme::part_of(Ordinal ordinal, const CompiledDimension& dimension) const {
    const Ordinal high = ordinal >> dimension.shift;
    return dimension.bits == 64 ? high : high & ((Ordinal{1} << dimension.bits) - 1);
}

// The parts of a key in declared order, from "2024-01-01|eu" or "date=2024-01-01,region=eu".
Result<std::vector<std::string>> CompiledScheme::split_key(std::string_view key) const {
    const bool named = !dimensions_.front().name.empty();
    std::vector<std::string> names;
    for (const CompiledDimension& dimension : dimensions_) {
        names.push_back(dimension.name);
    }
    const std::string form =
        named ? fmt::format("{} or {}=…", join(names, "|"), join(names, "=…,")) : "one key";
    if (key.size() > kKeyLengthMax) {
        return fail(bad_key(key, fmt::format("at most {} characters", kKeyLengthMax)));
    }
    if (!named || key.find('=') == std::string_view::npos) {
        std::vector<std::string> parts = named && dimensions_.size() > 1
                                             ? split(key, '|')
                                             : std::vector<std::string>{std::string(key)};
        if (parts.size() != dimensions_.size()) {
            return fail(bad_key(key, form));
        }
        return parts;
    }
    std::vector<std::string> parts(dimensions_.size());
    std::vector<bool> given(dimensions_.size());
    for (const std::string& item : split(key, ',')) {
        const size_t equals = item.find('=');
        const auto name = std::find(names.begin(), names.end(), item.substr(0, equals));
        if (equals == std::string::npos || name == names.end()) {
            return fail(bad_key(key, form + "." + did_you_mean(item.substr(0, equals), names)));
        }
        const size_t at = static_cast<size_t>(name - names.begin());
        if (given[at]) {
            return fail(bad_key(key, form + ", each dimension once"));
        }
        given[at] = true;
        parts[at] = item.substr(equals + 1);
    }
    if (std::find(given.begin(), given.end(), false) != given.end()) {
        return fail(bad_key(key, form + ", all dimensions"));
    }
    return parts;
}

Result<Ordinal> CompiledScheme::parse_key(std::string_view key) const {
    const std::vector<std::string> parts = SERVO_TRY(split_key(key));
    Ordinal joined = 0;
    for (size_t i = 0; i < dimensions_.size(); ++i) {
        const CompiledDimension& dimension = dimensions_[i];
        Result<Ordinal> part = dimension.time.has_value() ? dimension.time->parse(parts[i])
                                                          : dimension.keys->parse(parts[i]);
        if (!part.has_value()) {
            return fail(in_dimension(std::move(part).error(), dimension.name));
        }
        joined += *part * (Ordinal{1} << dimension.shift);
    }
    return joined;
}

Result<PartitionInfo> CompiledScheme::describe(Ordinal ordinal) const {
    PartitionInfo info;
    const CompiledDimension& top = dimensions_.front();
    if (time_ == nullptr && ordinal >> top.shift != part_of(ordinal, top)) {
        return fail(unknown_ordinal(ordinal));  // bits above those of the first dimension
    }
    for (const CompiledDimension& dimension : dimensions_) {
        const Ordinal part = part_of(ordinal, dimension);
        std::string key;
        if (dimension.time.has_value()) {
            const TimeAxis& axis = dimension.time->axis();
            const std::optional<Span> span = axis.span(part);
            if (!span.has_value()) {
                return fail(unknown_ordinal(ordinal));
            }
            info.window = Window{instant_ms(span->start_s * 1000), instant_ms(span->end_s * 1000)};
            info.start_text = format_rfc3339(info.window->start, axis.zone());
            info.end_text = format_rfc3339(info.window->end, axis.zone());
            key = axis.key(part);
        } else if (dimension.keys->has(part)) {
            key = dimension.keys->key(part);
        } else {
            return fail(unknown_ordinal(ordinal));
        }
        info.key += info.key.empty() ? key : "|" + key;
        if (!dimension.name.empty()) {
            info.dimensions[dimension.name] = std::move(key);
        }
    }
    return info;
}

}  // namespace servo::model
