// Templates in argv and env: "{partition.key}" and its kin are replaced, "{{" is a brace, any other
// {word} is an error; a brace that does not enclose one word ("{print $1}", JSON) stands for
// itself. Pure. The asset file's parser checks, the executor expands.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace servo::model {

constexpr size_t kExpandedBytesMax = 128 * 1'024;  // Linux's limit on one argument

// What a process is started for decides what it can be told on its command line.
enum class TemplateUse {
    kPartition,  // command: one partition
    kBatch,      // many: the hull of their windows, the attempt; keys come in a file
    kWorker,     // a long-lived process: only the tenant; the rest comes on stdin
};

// kShell: a /bin/sh script. "${NAME}" is left to the shell, and values with characters that a shell
// would interpret are refused instead of being interpolated.
enum class TemplateSyntax { kPlain, kShell };

struct TemplateScope {
    TemplateUse use = TemplateUse::kPartition;
    bool has_window = true;               // false: key-only scheme, no start and end
    std::vector<std::string> dimensions;  // names; empty unless the scheme is a product
};

struct TemplateValues {
    std::string key;
    std::string start;  // RFC 3339; empty without a window
    std::string end;
    uint64_t index = 0;
    std::map<std::string, std::string> dimensions;
    std::string tenant;
    int attempt = 1;
};

// Error: invalid_argument / "bad_template", naming the word and what may be written instead.
Status check_template(std::string_view text, const TemplateScope& scope, TemplateSyntax syntax);

// Errors: invalid_argument / "bad_template" (unknown word, no value for it, or a value that is not
// safe inside a shell script); "template_too_long" beyond kExpandedBytesMax.
Result<std::string> expand_template(
    std::string_view text, const TemplateValues& values, TemplateSyntax syntax
);

}  // namespace servo::model
