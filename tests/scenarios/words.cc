#include "words.h"

#include <algorithm>
#include <cstdint>
#include <sstream>

#include "base/text.h"

namespace servo::scenarios {

Words::Words(const std::string& line) {
    std::istringstream in(line);
    in >> verb_;
    for (std::string word; in >> word;) {
        const size_t equals = word.find('=');
        if (equals == std::string::npos) {
            plain_.push_back(word);
        } else {
            options_[word.substr(0, equals)] = word.substr(equals + 1);
        }
    }
}

const std::string& Words::at(size_t i) const {
    if (i >= plain_.size()) {
        throw ScenarioError(verb_ + ": a word is missing");
    }
    return plain_[i];
}

bool Words::has(const std::string& word) const {
    return options_.count(word) > 0 ||
           std::find(plain_.begin(), plain_.end(), word) != plain_.end();
}

std::optional<std::string> Words::option(const std::string& name) const {
    const auto found = options_.find(name);
    return found == options_.end() ? std::nullopt : std::optional(found->second);
}

std::string Words::text(const std::string& name, const std::string& otherwise) const {
    return option(name).value_or(otherwise);
}

int64_t Words::number(const std::string& name, int64_t otherwise) const {
    const auto found = option(name);
    return found ? to_number(*found) : otherwise;
}

Millis Words::duration(const std::string& name, Millis otherwise) const {
    const auto found = option(name);
    return found ? to_duration(*found) : otherwise;
}

int64_t Words::to_number(const std::string& word) {
    const Result<int64_t> value = parse_integer(word, INT64_MIN, INT64_MAX);
    if (!value.has_value()) {
        throw ScenarioError(value.error().message);
    }
    return *value;
}

Millis Words::to_duration(const std::string& word) {
    const Result<Millis> value = parse_duration(word);
    if (!value.has_value()) {
        throw ScenarioError(value.error().message);
    }
    return *value;
}

}  // namespace servo::scenarios
