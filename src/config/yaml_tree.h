// YAML text as a plain tree that keeps what validation needs: line of every node, scalars exactly
// as typed, whether they were quoted. Duplicate keys are errors; aliases and `<<` merges are
// expanded under the same limits as typed text. Pure; the only place that sees yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace servo::config {

constexpr size_t kYamlBytesMax = 1 << 20;
constexpr size_t kYamlDepthMax = 64;
constexpr size_t kYamlNodesMax = 200'000;  // after the expansion of aliases
constexpr size_t kYamlEntriesMax = 2'000;  // of one mapping, merges included
constexpr size_t kYamlErrorsMax = 100;

struct YamlEntry;

struct YamlNode {
    enum class Kind { kNull, kScalar, kSequence, kMapping };
    Kind kind = Kind::kNull;
    bool quoted = false;             // scalars only
    int line = 0;                    // 1-based
    int column = 0;                  // 1-based
    std::string text;                // scalar as typed; for kNull "", "null" or "~"
    std::vector<YamlNode> items;     // kSequence
    std::vector<YamlEntry> entries;  // kMapping, in file order, names unique

    // The value of `name`; null pointer when absent or not a mapping.
    const YamlNode* find(std::string_view name) const;
    YamlNode* find(std::string_view name);
};

struct YamlEntry {
    std::string name;
    int line = 0;  // of the key
    YamlNode value;
};

// Nodes in the tree and keys of its mappings, to bound what copies of it come to.
size_t count_nodes(const YamlNode& node);

// Word for messages: "a mapping", "a list", "text", "nothing".
std::string_view describe_kind(const YamlNode& node);

// One document; its root may be any node. Error: invalid_argument / "invalid_yaml" with a
// FieldError per problem (syntax ends at the first; duplicate keys are collected up to
// kYamlErrorsMax).
Result<YamlNode> parse_yaml(std::string_view text);

}  // namespace servo::config
