// The command tree: what CLI11 parses, plus what it has no place for (examples, handlers, names
// that are known but not built yet). Built once per run; not thread-safe.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/session.h"

namespace servo::cli {

using Handler = std::function<Result<int>(Session&)>;

struct VerbText {
    std::string name;
    std::string summary;                // one line, ends with a full stop
    std::vector<std::string> examples;  // shown first
    std::string details;                // one paragraph after the flags; may be empty
};

class Commands {
 public:
    explicit Commands(CLI::App& root) : root_(root) {}

    CLI::App& root() { return root_; }
    void examples_of_root(std::vector<std::string> examples) {
        texts_[&root_].examples = std::move(examples);
    }
    CLI::App* group(CLI::App& parent, const VerbText& text);
    CLI::App* verb(CLI::App& parent, const VerbText& text, Handler handler);
    // Known to the parser; answers "not in this version" whatever follows it.
    void reserved_verb(CLI::App& parent, const std::string& name, const std::string& summary);
    // A flag that is known and not built yet. `takes_value`: the next word belongs to it.
    void reserved_flag(CLI::App& verb, const std::string& names, bool takes_value);
    // Not listed in help.
    void hide(CLI::App& app) { hidden_.insert(&app); }

    // Null when `app` is a group.
    const Handler* handler(const CLI::App* app) const;
    // The reserved verb or flag that was used on the way to `app`; empty when none.
    std::string reserved_use(const CLI::App* app) const;
    std::string help(const CLI::App* app) const;
    // Full names, without the program's own, of all that help lists; the program itself is "".
    std::vector<std::string> visible() const;

 private:
    struct ReservedFlag {
        const CLI::App* app;
        const CLI::Option* option;
        std::string name;
    };

    void add_commands(const CLI::App* app, std::string& out) const;
    void add_flags(const CLI::App* app, std::string& out) const;

    CLI::App& root_;
    std::map<const CLI::App*, Handler> handlers_;
    std::map<const CLI::App*, VerbText> texts_;
    std::set<const CLI::App*> reserved_verbs_;
    std::set<const CLI::App*> hidden_;
    std::vector<ReservedFlag> reserved_flags_;
};

// "servo backfill start".
std::string full_name(const CLI::App* app);
// The verb that was typed last.
CLI::App* deepest(CLI::App& root);

// Flags and arguments with the form of their value.
CLI::Option* value_flag(
    CLI::App& app,
    const std::string& names,
    std::string& target,
    const std::string& form,
    const std::string& doc
);
// The number that was given to a flag. Error: parse_integer's, with the flag named.
Result<int64_t> flag_number(
    std::string_view flag, std::string_view text, int64_t low, int64_t high
);
CLI::Option* switch_flag(
    CLI::App& app, const std::string& names, bool& target, const std::string& doc
);
// Repeatable, and several values separated by commas.
CLI::Option* list_flag(
    CLI::App& app,
    const std::string& names,
    std::vector<std::string>& target,
    const std::string& form,
    const std::string& doc
);
CLI::Option* argument(
    CLI::App& app, const std::string& name, std::string& target, const std::string& doc
);
// The name of a file or folder, which may be any bytes.
CLI::Option* path_argument(
    CLI::App& app, const std::string& name, std::string& target, const std::string& doc
);
CLI::Option* arguments(
    CLI::App& app, const std::string& name, std::vector<std::string>& target, const std::string& doc
);

}  // namespace servo::cli
