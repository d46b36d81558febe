// A line of a scenario: a verb, plain words and key=value options.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/time.h"

namespace servo::scenarios {

// What is wrong with a scenario file; caught by the runner, which names file and line.
struct ScenarioError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Words {
 public:
    explicit Words(const std::string& line);

    const std::string& verb() const { return verb_; }
    size_t size() const { return plain_.size(); }
    const std::string& at(size_t i) const;    // plain words after the verb
    bool has(const std::string& word) const;  // a plain word, or an option of that name

    std::optional<std::string> option(const std::string& name) const;
    std::string text(const std::string& name, const std::string& otherwise) const;
    int64_t number(const std::string& name, int64_t otherwise) const;
    Millis duration(const std::string& name, Millis otherwise) const;
    static int64_t to_number(const std::string& word);
    static Millis to_duration(const std::string& word);

 private:
    std::string verb_;
    std::vector<std::string> plain_;
    std::map<std::string, std::string> options_;
};

}  // namespace servo::scenarios
