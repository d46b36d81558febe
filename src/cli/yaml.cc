#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <boost/json/object.hpp>

#include "cli/output.h"

namespace servo::cli {
namespace {

// Words that a YAML reader takes for something else, and anything unusual, are quoted.
bool is_plain_key(std::string_view key) {
    constexpr std::string_view kWords[] = {
        "y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    std::string lower;
    for (const char c : key) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        const bool inner = (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!letter && (!inner || lower.empty())) {
            return false;
        }
        lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return !lower.empty() &&
           std::find(std::begin(kWords), std::end(kWords), lower) == std::end(kWords);
}

void emit(YAML::Emitter& out, const boost::json::value& json) {
    switch (json.kind()) {
        case boost::json::kind::null:
            out << YAML::Null;
            break;
        case boost::json::kind::bool_:
            out << json.get_bool();
            break;
        case boost::json::kind::int64:
            out << json.get_int64();
            break;
        case boost::json::kind::uint64:
            out << json.get_uint64();
            break;
        case boost::json::kind::double_:
            out << json.get_double();
            break;
        case boost::json::kind::string:
            out << YAML::DoubleQuoted << std::string(json.get_string());
            break;
        case boost::json::kind::array:
            out << (json.get_array().empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
            for (const boost::json::value& item : json.get_array()) {
                emit(out, item);
            }
            out << YAML::EndSeq;
            break;
        case boost::json::kind::object:
            out << (json.get_object().empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
            for (const auto& member : json.get_object()) {
                out << YAML::Key;
                if (!is_plain_key(member.key())) {
                    out << YAML::DoubleQuoted;
                }
                out << std::string(member.key()) << YAML::Value;
                emit(out, member.value());
            }
            out << YAML::EndMap;
            break;
    }
}

}  // namespace

std::string to_yaml(const boost::json::value& json) {
    YAML::Emitter out;
    emit(out, json);
    return std::string(out.c_str()) + "\n";
}

}  // namespace servo::cli
