#include "model/labels.h"

#include <algorithm>

namespace servo::model {

bool label_ok(std::string_view name, std::string_view value) {
    const auto plain = [](std::string_view text) {
        return !text.empty() && text.size() <= kLabelBytesMax &&
               std::none_of(text.begin(), text.end(), [](char c) {
                   return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
               });
    };
    return plain(name) && plain(value) && name.find('=') == std::string_view::npos;
}

std::string to_text(const Labels& labels, std::string_view between) {
    std::string out;
    for (const auto& [name, value] : labels) {
        out += (out.empty() ? "" : std::string(between)) + name + "=" + value;
    }
    return out;
}

std::string encode_labels(const Labels& labels) {
    return to_text(labels, "\n");
}

Labels decode_labels(std::string_view text) {
    Labels out;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        const size_t equals = line.find('=');
        if (equals != std::string_view::npos) {
            out.emplace(line.substr(0, equals), line.substr(equals + 1));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

}  // namespace servo::model
