// Reads the mappings of an asset file against their declarations (config/keys.h) and collects every
// problem instead of stopping at the first. Single-threaded; nodes must outlive their readers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/keys.h"
#include "config/yaml_tree.h"

namespace servo::config {

constexpr size_t kProblemsMax = 100;

// A name or key as a message may have it: cut when it is longer than any that is valid.
std::string shown(std::string_view text);

// What is wrong with a document. The same message at the same place is kept once: a value that is
// laid under several assets is read several times.
class Problems {
 public:
    void add(std::string field, const YamlNode& at, std::string message);
    bool empty() const { return list_.empty(); }
    // Calls of add so far: unchanged means that what was read in between is right.
    size_t reported() const { return reported_; }
    // By line, at most kProblemsMax; then one that says how many were left out.
    std::vector<FieldError> take();

 private:
    std::vector<FieldError> list_;
    std::set<std::tuple<int, int, std::string>> seen_;
    size_t reported_ = 0;
    size_t left_out_ = 0;
};

// What the names of a mapping look like: "orders", "DSN".
struct NameRule {
    bool (*accepts)(std::string_view) = nullptr;
    std::string_view noun = {};                       // "asset name"
    std::string_view hint = {};                       // completes "use …"
    const std::vector<std::string>* known = nullptr;  // all that there are, to suggest the nearest
    bool x_is_name = false;  // such as X-Api-Key in lower case; else "x-…" is ignored
};
extern const NameRule kAssetNames;
extern const NameRule kPoolNames;
extern const NameRule kTenantNames;
extern const NameRule kDimensionNames;
extern const NameRule kHeaderNames;
extern const NameRule kVariableNames;  // environment variables that are not Servo's own
extern const NameRule kLabelNames;

// One mapping. Reading a key that is absent leaves `out` as it is and returns false; so does a
// value that is wrong, after adding a problem. Bounds come from the declaration.
class Fields {
 public:
    // Reports unknown and reserved keys, keys without a value, and keys that exclude one another.
    // A node that is no mapping is reported once and then behaves like an empty one.
    Fields(const YamlNode& node, Scope scope, std::string path, Problems& problems);

    const YamlNode& node() const { return *node_; }
    const std::string& path() const { return path_; }
    std::string path(std::string_view key) const;
    bool has(std::string_view key) const { return find(key) != nullptr; }
    // The value of `key`; null pointer when absent, without a value, or not in the declaration.
    const YamlNode* find(std::string_view key) const;
    // At the value of `key`, or at the mapping when it is absent.
    void problem(std::string_view key, std::string message) const;
    // Reports each of `keys` that is absent.
    void require(const std::vector<std::string_view>& keys) const;

    bool text(std::string_view key, std::string& out) const;
    bool boolean(std::string_view key, bool& out) const;
    bool integer(std::string_view key, int64_t& out) const;
    bool integer(std::string_view key, int& out) const;
    bool duration(std::string_view key, Millis& out) const;
    bool micros(std::string_view key, Micros& out) const;
    bool bytes(std::string_view key, int64_t& out) const;
    bool cpu(std::string_view key, int& milli) const;
    bool percent(std::string_view key, int& per_mille) const;
    bool word(std::string_view key, std::string& out) const;
    bool text_list(std::string_view key, std::vector<std::string>& out) const;
    std::optional<Fields> child(std::string_view key) const;

    using EachEntry = std::function<
        void(const std::string& name, const YamlNode& value, const std::string& path)>;
    // Calls `each` for the entries of the mapping at `key` whose name passes `rule`; the others,
    // and entries without a value, are reported.
    void entries(std::string_view key, const NameRule& rule, const EachEntry& each) const;

    Problems& problems() const { return *problems_; }

 private:
    void check_keys() const;
    void check_exclusions() const;
    const YamlNode* scalar(std::string_view key) const;
    const KeyDecl& key_of(std::string_view key) const;

    const YamlNode* node_;
    Scope scope_;
    std::string path_;
    Problems* problems_;
};

// Reads a scalar as a whole number in [low, high]; else adds a problem.
std::optional<int64_t> read_integer(
    const YamlNode& node, const std::string& path, int64_t low, int64_t high, Problems& problems
);
// Reads a scalar as text as typed; a list, a mapping or nothing is a problem.
std::optional<std::string> read_text(
    const YamlNode& node, const std::string& path, int64_t length_max, Problems& problems
);
// "1", "0.5" or "500m" → 1000, 500, 500.
std::optional<int64_t> parse_cpu(std::string_view text);
// "20%" or "0.5%" → 200, 5 (tenths of a percent).
std::optional<int64_t> parse_percent(std::string_view text);

}  // namespace servo::config
