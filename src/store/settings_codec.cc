#include "store/settings_codec.h"

#include <boost/json.hpp>
#include <stdexcept>

namespace servo::store {
namespace {

using namespace model;
namespace json = boost::json;

json::value encode(int64_t value) {
    return value;
}

json::value encode(Instant value) {
    return to_ms(value);
}

json::value encode(Millis value) {
    return value.count();
}

json::value encode(const MaxFailures& value) {
    return json::object{
        {"count", value.count},
        {"percent", value.percent},
        {"percent_after", value.percent_after},
    };
}

template <typename T>
json::value encode(const std::optional<T>& value) {
    return value ? encode(*value) : json::value(nullptr);
}

void decode(const json::value& in, int& out) {
    out = in.to_number<int>();
}

void decode(const json::value& in, int64_t& out) {
    out = in.to_number<int64_t>();
}

void decode(const json::value& in, Instant& out) {
    out = instant_ms(in.to_number<int64_t>());
}

void decode(const json::value& in, Millis& out) {
    out = Millis(in.to_number<int64_t>());
}

void decode(const json::value& in, MaxFailures& out) {
    const json::object& limit = in.as_object();
    decode(limit.at("count"), out.count);
    decode(limit.at("percent"), out.percent);
    decode(limit.at("percent_after"), out.percent_after);
}

template <typename T>
void decode(const json::value& in, std::optional<T>& out) {
    if (in.is_null()) {
        out.reset();
    } else {
        decode(in, out.emplace());
    }
}

json::object encode_change(const SettingsChange& change) {
    json::object out;
    each_setting([&](std::string_view name, auto, auto changed) {
        if (change.*changed) {
            out.emplace(name, encode(*(change.*changed)));
        }
    });
    return out;
}

SettingsChange decode_change(const json::object& in) {
    SettingsChange out;
    size_t known = 0;
    each_setting([&](std::string_view name, auto, auto changed) {
        if (const json::value* value = in.if_contains(name)) {
            ++known;
            decode(*value, (out.*changed).emplace());
        }
    });
    if (known != in.size() || known == 0) {
        throw std::invalid_argument("a setting is not known to this version");
    }
    return out;
}

}  // namespace

std::string encode_temporary(const std::vector<TemporarySettings>& temporary) {
    json::array out;
    for (const TemporarySettings& one : temporary) {
        out.push_back(json::object{
            {"lasting", encode_change(one.lasting)},
            {"by", one.info.by},
            {"reason", one.info.reason},
            {"since_ms", to_ms(one.info.since)},
            {"until_ms", to_ms(one.info.until)},
        });
    }
    return json::serialize(out);
}

Result<std::vector<TemporarySettings>> decode_temporary(std::string_view text) {
    std::vector<TemporarySettings> out;
    try {
        const json::value parsed = json::parse(text);
        for (const json::value& item : parsed.as_array()) {
            const json::object& one = item.as_object();
            TemporarySettings& temporary = out.emplace_back();
            temporary.lasting = decode_change(one.at("lasting").as_object());
            temporary.info.by = json::value_to<std::string>(one.at("by"));
            temporary.info.reason = json::value_to<std::string>(one.at("reason"));
            decode(one.at("since_ms"), temporary.info.since);
            decode(one.at("until_ms"), temporary.info.until);
        }
    } catch (const std::exception& error) {
        return fail(internal(
            "corrupt_payload",
            std::string("The temporary settings of a job cannot be read: ") + error.what()
        ));
    }
    return out;
}

}  // namespace servo::store
