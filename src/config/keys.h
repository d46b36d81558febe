// One declaration of every key of the asset file: name, form, bounds, default, meaning, whether it
// is reserved. The parser's unknown-key checks and bounds, the JSON Schema and the reference page
// all come from here. Immutable after start; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace servo::config {

// A mapping of the asset file, by what it describes.
enum class Scope {
    kFile,
    kAsset,  // also `defaults` and the entries of `overrides`, which lack the key `overrides`
    kPartitions,
    kDimension,  // an entry of `dimensions`: partitions without `dimensions`
    kRun,
    kCommand,
    kWorker,
    kBatch,
    kSynthetic,
    kSecret,
    kResources,
    kRetries,
    kBackoff,
    kLimits,
    kUpstreamLink,
    kPool,
    kPoolPerTenant,
    kPoolWindow,
    kPoolCheck,
};
constexpr size_t kScopeCount = 19;

enum class KeyForm {
    kText,      // low..high bytes
    kDuration,  // low..high milliseconds
    kMicros,    // as kDuration, also "500us"; low..high microseconds
    kBytes,     // low..high
    kCpu,       // low..high thousandths
    kInteger,   // low..high
    kBoolean,
    kWord,             // one of `words`
    kPercent,          // low..high tenths of a percent
    kEvery,            // "15m", "hour", "6h", "day", "week", "month"
    kTextList,         // argv: at least one text
    kStaticKeys,       // list of partition keys, read as typed
    kTenant,           // a tenant's name
    kTenants,          // list of names, or `all`
    kTextMap,          // names → text
    kLabelMap,         // label names → text
    kExitCodes,        // 1..255 → failure class
    kAttempts,         // failure class → count
    kUnits,            // pool names → count, or a list of pool names
    kMapping,          // `child`
    kNamed,            // names → `child`
    kArgvOr,           // a list is argv, a mapping is `child`
    kUpstreamMapping,  // same | overlap | all | {offset: n}
    kList,             // list of `child`, `high` at most
};

struct KeyDecl {
    std::string_view name = {};
    KeyForm form = KeyForm::kText;
    std::string_view doc = {};
    std::string_view usual = {};  // default, as typed; empty where there is none
    int64_t low = 0;
    int64_t high = 0;
    Scope child = Scope::kFile;                // kMapping, kNamed, kArgvOr, kList
    std::vector<std::string_view> words = {};  // kWord
    // Pattern of the entries' names: kNamed, kTextMap, kLabelMap, kUnits.
    std::string_view names = {};
    bool reserved = false;  // known, and answered "not in this version"
};

struct MappingDecl {
    Scope scope = Scope::kFile;
    std::string_view where = {};  // "assets.<name>.run.command", for the reference
    std::string_view doc = {};
    std::vector<KeyDecl> keys = {};
    std::vector<std::string_view> at_most_one = {};  // of these keys
    std::vector<std::string_view> required = {};     // never supplied from elsewhere
    bool needs_one = false;                          // one of `at_most_one` must be there
};

const MappingDecl& declaration(Scope scope);
// Null pointer when `name` is not a key of `scope`.
const KeyDecl* find_key(Scope scope, std::string_view name);
// Names that may be written, without the reserved ones.
std::vector<std::string> known_keys(Scope scope);
// Keys that start with "x-" are ignored in every mapping but that of a check's headers.
bool is_ignored_key(std::string_view name);

constexpr std::string_view kNamePattern = "[a-z0-9][a-z0-9._-]{0,127}";
constexpr std::string_view kDimensionPattern = "[a-z][a-z0-9_]{0,62}";
constexpr std::string_view kTenantPattern = "[a-z0-9][a-z0-9._-]{0,62}";
constexpr std::string_view kEnvNamePattern = "[A-Za-z_][A-Za-z0-9_]{0,127}";
constexpr std::string_view kVariablePattern = "(?!SERVO_)[A-Za-z_][A-Za-z0-9_]{0,127}";
constexpr std::string_view kHeaderPattern = "[A-Za-z0-9-]{1,64}";
constexpr std::string_view kStaticKeyPattern = "[A-Za-z0-9._-]{1,128}";
// Each tells whether `text` matches the whole pattern of the same name.
bool is_name(std::string_view text);
bool is_dimension_name(std::string_view text);
bool is_tenant_name(std::string_view text);
bool is_env_name(std::string_view text);
bool is_variable_name(std::string_view text);  // of env and secrets: not one of Servo's own
bool is_header_name(std::string_view text);
bool is_static_key(std::string_view text);

// Classes that a program's exit code may be mapped to, and those whose attempts can be set.
std::vector<std::string> exit_code_classes();
std::vector<std::string> counted_classes();

}  // namespace servo::config
