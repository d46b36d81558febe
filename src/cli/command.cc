#include "cli/command.h"

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/exit_code.h"

namespace servo::cli {
namespace {

constexpr size_t kHelpWidth = 100;
constexpr size_t kTermWidthMax = 34;

void append_wrapped(std::string& out, const std::string& text, size_t indent, size_t at) {
    size_t column = at;
    bool first = true;
    for (const std::string& word : split(text, ' ')) {
        const size_t width = display_width(word);
        if (!first && column + 1 + width > kHelpWidth) {
            out += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (!first) {
            out += ' ';
            ++column;
        }
        out += word;
        column += width;
        first = false;
    }
    out += '\n';
}

// "  term        what it means", the meaning wrapped under itself.
void append_row(std::string& out, const std::string& term, const std::string& doc, size_t width) {
    out += "  " + term;
    const size_t used = display_width(term);
    if (used > width) {
        out += '\n' + std::string(width + 4, ' ');
    } else {
        out += std::string(width - used + 2, ' ');
    }
    append_wrapped(out, doc, width + 4, width + 4);
}

std::string term_of(const CLI::Option* option) {
    std::string term;
    for (const std::string& name : option->get_snames()) {
        term += (term.empty() ? "-" : ", -") + name;
    }
    for (const std::string& name : option->get_lnames()) {
        term += (term.empty() ? "--" : ", --") + name;
    }
    const std::string form = option->get_type_name();
    if (!form.empty()) {
        term += ' ' + form;
    }
    return term;
}

std::string usage_of(const CLI::App* app) {
    std::string usage = full_name(app);
    for (const CLI::Option* option : app->get_options()) {
        if (option->get_positional() && !option->get_group().empty()) {
            std::string name = option->get_name(true);
            if (option->get_expected_max() > 1) {
                name += "...";
            }
            usage += option->get_required() ? " <" + name + ">" : " [" + name + "]";
        }
    }
    return usage;
}

}  // namespace

std::string full_name(const CLI::App* app) {
    std::string name = app->get_name();
    for (const CLI::App* up = app->get_parent(); up != nullptr; up = up->get_parent()) {
        name.insert(0, up->get_name() + ' ');
    }
    return name;
}

CLI::App* deepest(CLI::App& root) {
    CLI::App* app = &root;
    while (!app->get_subcommands().empty()) {
        app = app->get_subcommands().back();
    }
    return app;
}

CLI::App* Commands::group(CLI::App& parent, const VerbText& text) {
    CLI::App* app = parent.add_subcommand(text.name, text.summary);
    app->fallthrough();
    app->set_help_flag("-h,--help", "This text.")->group("");
    texts_[app] = text;
    return app;
}

CLI::App* Commands::verb(CLI::App& parent, const VerbText& text, Handler handler) {
    CLI::App* app = group(parent, text);
    handlers_[app] = std::move(handler);
    return app;
}

void Commands::reserved_verb(
    CLI::App& parent, const std::string& name, const std::string& summary
) {
    CLI::App* app = group(parent, {name, summary, {}, ""});
    app->allow_extras();
    app->prefix_command();
    app->fallthrough(false);
    app->set_help_flag();
    reserved_verbs_.insert(app);
    hidden_.insert(app);
}

void Commands::reserved_flag(CLI::App& verb, const std::string& names, bool takes_value) {
    CLI::Option* option = takes_value ? verb.add_option_function<std::vector<std::string>>(
                                            names, [](const std::vector<std::string>&) {}, ""
                                        )
                                      : verb.add_flag_callback(
                                            names, [] {}, ""
                                        );
    if (takes_value) {
        option->expected(1)->allow_extra_args(false);
    }
    option->group("");
    reserved_flags_.push_back({&verb, option, "--" + option->get_lnames().front()});
}

const Handler* Commands::handler(const CLI::App* app) const {
    const auto found = handlers_.find(app);
    return found == handlers_.end() ? nullptr : &found->second;
}

std::string Commands::reserved_use(const CLI::App* app) const {
    for (const CLI::App* at = app; at != nullptr; at = at->get_parent()) {
        if (reserved_verbs_.contains(at)) {
            return full_name(at);
        }
        for (const ReservedFlag& flag : reserved_flags_) {
            if (flag.app == at && flag.option->count() > 0) {
                return full_name(at) + ' ' + flag.name;
            }
        }
    }
    return "";
}

void Commands::add_commands(const CLI::App* app, std::string& out) const {
    std::vector<const CLI::App*> shown;
    size_t width = 0;
    for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
        if (!hidden_.contains(sub)) {
            shown.push_back(sub);
            width = std::max(width, sub->get_name().size());
        }
    }
    if (!shown.empty()) {
        out += "\nCommands:\n";
        for (const CLI::App* sub : shown) {
            append_row(out, sub->get_name(), sub->get_description(), width);
        }
    }
}

void Commands::add_flags(const CLI::App* app, std::string& out) const {
    std::vector<const CLI::Option*> flags;
    std::vector<const CLI::Option*> words;
    size_t width = 0;
    for (const CLI::Option* option : app->get_options()) {
        if (option->get_group().empty()) {
            continue;
        }
        (option->get_positional() ? words : flags).push_back(option);
        const std::string term =
            option->get_positional() ? option->get_name(true) : term_of(option);
        width = std::max(width, std::min(kTermWidthMax, display_width(term)));
    }
    if (!words.empty()) {
        out += "\nArguments:\n";
        for (const CLI::Option* option : words) {
            append_row(out, option->get_name(true), option->get_description(), width);
        }
    }
    if (!flags.empty()) {
        out += app == &root_ ? "\nFlags of every command:\n" : "\nFlags:\n";
        for (const CLI::Option* option : flags) {
            append_row(out, term_of(option), option->get_description(), width);
        }
    }
}

std::string Commands::help(const CLI::App* app) const {
    std::string out = app->get_description() + '\n';
    const auto text = texts_.find(app);
    if (text != texts_.end() && !text->second.examples.empty()) {
        out += "\nExamples:\n";
        for (const std::string& example : text->second.examples) {
            out += "  " + example + '\n';
        }
    }
    const bool has_verb = handlers_.contains(app);
    out += "\nUsage: " + usage_of(app) + (has_verb ? " [flags]" : " <command> [flags]") + '\n';
    add_commands(app, out);
    add_flags(app, out);
    if (text != texts_.end() && !text->second.details.empty()) {
        out += '\n';
        append_wrapped(out, text->second.details, 0, 0);
    }
    if (app == &root_) {
        out += std::string("\nExit codes:\n") + exit_code_help();
    } else {
        out += "\nFlags of every command (-o, --tenant, --server, --quiet, …): servo --help\n";
    }
    return out;
}

std::vector<std::string> Commands::visible() const {
    std::vector<std::string> names = {""};
    std::vector<std::pair<const CLI::App*, std::string>> open = {{&root_, ""}};
    while (!open.empty()) {
        const auto [app, path] = open.back();
        open.pop_back();
        for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
            if (!hidden_.contains(sub)) {
                names.push_back(path.empty() ? sub->get_name() : path + ' ' + sub->get_name());
                open.emplace_back(sub, names.back());
            }
        }
    }
    return names;
}

namespace {

// What is wrong with a value as typed; empty when nothing is. An unset variable of a script must
// not count as a flag that was not given: that may mean everything, or for ever.
std::string check_value(const std::string& text) {
    if (text.find_first_not_of(" ,") == std::string::npos) {
        return "the value is empty; give one, or leave it out";
    }
    return "";
}

// Texts go into JSON, while the name of a file may be any bytes.
std::string check_text(const std::string& text) {
    return valid_utf8_prefix(text) < text.size() ? "the value is not UTF-8 text"
                                                 : check_value(text);
}

CLI::Option* checked(CLI::Option* option, const std::string& form) {
    const bool file = form == "FILE" || form == "DIR";
    return option->type_name(form)->check(file ? check_value : check_text);
}

}  // namespace

CLI::Option* value_flag(
    CLI::App& app,
    const std::string& names,
    std::string& target,
    const std::string& form,
    const std::string& doc
) {
    return checked(app.add_option(names, target, doc), form);
}

Result<int64_t> flag_number(
    std::string_view flag, std::string_view text, int64_t low, int64_t high
) {
    Result<int64_t> number = parse_integer(text, low, high);
    if (!number) {
        Error error = std::move(number).error();
        error.message = std::string(flag) + ": " + error.message;
        return fail(std::move(error));
    }
    return number;
}

CLI::Option* switch_flag(
    CLI::App& app, const std::string& names, bool& target, const std::string& doc
) {
    return app.add_flag(names, target, doc);
}

CLI::Option* list_flag(
    CLI::App& app,
    const std::string& names,
    std::vector<std::string>& target,
    const std::string& form,
    const std::string& doc
) {
    return checked(app.add_option(names, target, doc), form)->allow_extra_args(false);
}

CLI::Option* argument(
    CLI::App& app, const std::string& name, std::string& target, const std::string& doc
) {
    return checked(app.add_option(name, target, doc), "");
}

CLI::Option* path_argument(
    CLI::App& app, const std::string& name, std::string& target, const std::string& doc
) {
    return app.add_option(name, target, doc)->type_name("")->check(check_value);
}

CLI::Option* arguments(
    CLI::App& app, const std::string& name, std::vector<std::string>& target, const std::string& doc
) {
    return checked(app.add_option(name, target, doc), "");
}

}  // namespace servo::cli
