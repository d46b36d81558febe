// Options of the server and executor processes: one declaration each. The declarations drive
// parsing, bounds, `servo config view` and docs/reference/config.md. Pure: environment and flags
// are handed in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace servo::config {

enum class OptionForm {
    kText,
    kPath,
    kAddress,   // host:port; with "off" among `words`, also that
    kInteger,   // low..high
    kSlots,     // a number, or "auto" = 0
    kDuration,  // low..high ms
    kBytes,     // low..high
    kWord,      // one of `words`
    // In the file alone, as a mapping whose keys are `words`:
    kTexts,    // to texts of low..high bytes
    kNumbers,  // to numbers above 0
};

struct OptionDecl {
    std::string_view name = {};  // snake_case; the flag is --with-dashes, the variable SERVO_UPPER
    OptionForm form = OptionForm::kText;
    std::string_view doc = {};
    std::string_view usual = {};  // default, as typed
    int64_t low = 0;
    int64_t high = 0;
    std::vector<std::string_view> words = {};
    std::vector<std::string_view> shares = {};  // of `words`: those whose number is at most 1
    std::string_view used_by = {};              // "server", "executor", "server, executor"
    bool secret = false;                        // never shown
};

// Every option of this version, by name.
const std::vector<OptionDecl>& process_options();

bool is_mapping(const OptionDecl& option);          // neither flag nor variable
std::string flag_of(const OptionDecl& option);      // "--data-dir"
std::string variable_of(const OptionDecl& option);  // "SERVO_DATA_DIR"

enum class OptionSource { kDefault, kFile, kEnvironment, kFlag };
std::string_view to_string(OptionSource source);

// What a file of options says, by option name, and in which line.
struct OptionsFile {
    struct Typed {
        std::string text;  // of a mapping: "key: value, key: value"
        int line = 0;
        std::map<std::string, std::string> entries = {};  // of a mapping
    };
    std::string path;  // as the user named it
    std::map<std::string, Typed> values;
};

// What was typed where, by option name. A later source wins: file, environment, flags.
struct OptionInput {
    OptionsFile file;
    std::map<std::string, std::string>
        environment;  // by variable; those of other names are ignored
    std::map<std::string, std::string> flags;
};

struct Address {
    std::string host;   // without brackets
    uint16_t port = 0;  // 0: any free one
    bool operator==(const Address&) const = default;
};
// "127.0.0.1:7420", "localhost:0", "[::1]:7420". Error: invalid_argument / "bad_address".
Result<Address> parse_address(std::string_view text);

class Options {
 public:
    // Error: invalid_argument / "invalid_option" with a FieldError per problem; its field is where
    // the value was typed: "--slots", "SERVO_SLOTS" or "slots", with the line of the file. Values
    // of secret options are not repeated.
    static Result<Options> resolve(
        const OptionInput& input, const std::vector<OptionDecl>& declarations = process_options()
    );

    // Asserts that `name` is declared, and with that form where the value is not text.
    const std::string& text(std::string_view name) const;
    bool is_off(std::string_view name) const { return text(name) == "off"; }
    int64_t integer(std::string_view name) const;  // kInteger, kSlots
    Millis duration(std::string_view name) const;
    int64_t bytes(std::string_view name) const;
    Address address(std::string_view name) const;  // not when is_off
    const std::map<std::string, std::string>& entries(std::string_view name) const;  // is_mapping
    OptionSource source(std::string_view name) const;
    // Where it was typed, for messages about it: "--slots", "SERVO_SLOTS", "server.yaml: line 3:
    // slots"; the name where it was not.
    const std::string& typed_at(std::string_view name) const;

    struct Row {
        std::string name;
        std::string value;  // "(hidden)" for a secret that is set
        OptionSource source = OptionSource::kDefault;
        std::string where;  // the flag or variable; empty for the file and the default
    };
    // For `servo config view`, in the order of the declarations.
    std::vector<Row> rows() const;

 private:
    struct Value {
        const OptionDecl* declaration = nullptr;
        std::string text;
        OptionSource source = OptionSource::kDefault;
        std::string typed_at;
        std::map<std::string, std::string> entries = {};
    };
    const Value& value(std::string_view name) const;

    std::vector<Value> values_;
};

// `server.yaml`: a mapping of option names, flat but for options that are mappings; keys that start
// with "x-" are ignored. The path is left empty. Error: invalid_argument / "invalid_config_file"
// with lines, and the nearest name for unknown keys.
Result<OptionsFile> parse_options_file(
    std::string_view text, const std::vector<OptionDecl>& declarations = process_options()
);

// docs/reference/config.md.
std::string options_reference();

}  // namespace servo::config
