#include "config/pretty_json.h"

#include <boost/json.hpp>

namespace servo::config {
namespace {

constexpr size_t kLineMax = 90;

void print(const boost::json::value& value, size_t indent, std::string& out) {
    const std::string flat = boost::json::serialize(value);
    const bool is_compound = value.is_object() || value.is_array();
    if (!is_compound || indent + flat.size() <= kLineMax) {
        out += flat;
        return;
    }
    const std::string margin(indent + 2, ' ');
    bool first = true;
    const auto next = [&] {
        out += first ? "\n" : ",\n";
        out += margin;
        first = false;
    };
    out += value.is_object() ? '{' : '[';
    if (const auto* object = value.if_object()) {
        for (const auto& member : *object) {
            next();
            out += boost::json::serialize(boost::json::value(member.key())) + ": ";
            print(member.value(), indent + 2, out);
        }
    } else {
        for (const boost::json::value& item : value.get_array()) {
            next();
            print(item, indent + 2, out);
        }
    }
    out += '\n' + std::string(indent, ' ') + (value.is_object() ? '}' : ']');
}

}  // namespace

std::string pretty_json(const boost::json::value& value) {
    std::string out;
    print(value, 0, out);
    return out;
}

}  // namespace servo::config
