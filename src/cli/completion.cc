#include "cli/completion.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "api/words.h"
#include "base/suggest.h"
#include "base/text.h"

namespace servo::cli {
namespace {

// What may follow the words `path` ("backfill start"; empty = the program alone).
struct Place {
    std::string path;
    std::vector<std::string> words;  // verbs, then flags
};

// The values of a flag that takes one of a few words, wherever it stands. Every other value is
// free, and may be a file.
const std::map<std::string, std::vector<std::string>>& flag_words() {
    static const std::map<std::string, std::vector<std::string>> kWords = {
        {"output", {"table", "wide", "json", "jsonl", "yaml", "name"}},
        {"reprocess", api::reprocess_words()},
        {"overlap", api::overlap_words()},
        {"class", api::failure_class_words()},
        {"as", api::mark_words()},
    };
    return kWords;
}

// "--output" and "-o" of a flag whose value is the next word, by its long name.
using ValueFlags = std::map<std::string, std::set<std::string>>;

void collect(
    const CLI::App& app,
    const std::string& path,
    const std::set<std::string>& visible,
    std::vector<Place>& places,
    ValueFlags& values
) {
    Place place{path, {}};
    std::vector<std::pair<const CLI::App*, std::string>> subs;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        const std::string name = path.empty() ? sub->get_name() : path + ' ' + sub->get_name();
        if (visible.contains(name)) {
            subs.emplace_back(sub, name);
            place.words.push_back(sub->get_name());
        }
    }
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            if (!option->get_group().empty()) {
                place.words.push_back("--" + name);
            }
            if (option->get_items_expected_max() > 0) {
                values[name].insert("--" + name);
                for (const std::string& letter : option->get_snames()) {
                    values[name].insert("-" + letter);
                }
            }
        }
    }
    places.push_back(std::move(place));
    for (const auto& [sub, name] : subs) {
        collect(*sub, name, visible, places, values);
    }
}

// `case` branches: which words a flag takes, none where its value is free.
std::string value_cases(const ValueFlags& values) {
    std::string some;
    std::vector<std::string> any;
    for (const auto& [name, spellings] : values) {
        const std::vector<std::string> list(spellings.begin(), spellings.end());
        const auto known = flag_words().find(name);
        if (known == flag_words().end()) {
            any.insert(any.end(), list.begin(), list.end());
        } else {
            some += "        " + join(list, "|") + ") value=1 words=\"" + join(known->second, " ") +
                    "\" ;;\n";
        }
    }
    return some + "        " + join(any, "|") + ") value=1 ;;\n";
}

std::string bash_script(const std::vector<Place>& places, const ValueFlags& values) {
    std::string cases;
    for (const Place& place : places) {
        cases += "        \"" + place.path + "\") words=\"" + join(place.words, " ") + "\" ;;\n";
    }
    return "# bash completion of servo; use it with: source <(servo completion bash)\n"
           "# Tells whether the value of flag $1 is the next word, and which words it may be.\n"
           "_servo_value() {\n"
           "    value=\"\" words=\"\"\n"
           "    case \"$1\" in\n" +
           value_cases(values) +
           "    esac\n"
           "}\n"
           "_servo() {\n"
           "    local current=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" words=\"\" value=\"\" word\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        if [[ $value ]]; then value=\"\"; continue; fi\n"
           "        case \"$word\" in -*) _servo_value \"$word\" ;;\n"
           "            *) [[ $(wc -w <<<\"$path\") -lt 2 ]] && path=\"${path:+$path }$word\" ;;\n"
           "        esac\n"
           "    done\n"
           "    if [[ $value ]]; then\n"
           "        COMPREPLY=()\n"
           "        [[ $words ]] && mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
           "\"$current\")\n"
           "        return\n"
           "    fi\n"
           "    while :; do\n"
           "        case \"$path\" in\n" +
           cases +
           "        *) if [[ $path == *\" \"* ]]; then path=\"${path% *}\"; else path=\"\"; fi; "
           "continue ;;\n"
           "        esac\n"
           "        break\n"
           "    done\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
           "}\n"
           "complete -o default -F _servo servo\n";
}

std::string fish_script(const std::vector<Place>& places, const ValueFlags& values) {
    std::string text = "# fish completion of servo\ncomplete -c servo -f\n";
    for (const Place& place : places) {
        std::string condition = place.path.empty() ? "__fish_use_subcommand" : "";
        for (const std::string& verb : split(place.path, ' ')) {
            if (!verb.empty()) {
                condition +=
                    (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + verb);
            }
        }
        for (const std::string& word : place.words) {
            const std::string flag = word.starts_with("--") ? word.substr(2) : "";
            const auto known = flag_words().find(flag);
            text += "complete -c servo -n '" + condition + "' " +
                    (flag.empty() ? "-a " + word : "-l " + flag);
            if (!flag.empty() && values.contains(flag)) {
                text += known == flag_words().end() ? " -r -F"
                                                    : " -x -a '" + join(known->second, " ") + "'";
            }
            text += "\n";
        }
    }
    return text;
}

}  // namespace

Result<std::string> completion_script(Commands& commands, const std::string& shell) {
    const std::vector<std::string> names = commands.visible();
    std::vector<Place> places;
    ValueFlags values;
    collect(commands.root(), "", {names.begin(), names.end()}, places, values);
    if (shell == "bash") {
        return bash_script(places, values);
    }
    if (shell == "zsh") {
        return "#compdef servo\nautoload -U +X bashcompinit && bashcompinit\n" +
               bash_script(places, values);
    }
    if (shell == "fish") {
        return fish_script(places, values);
    }
    return fail(invalid_argument(
        "unknown_shell",
        "There is no completion for \"" + shell + "\"; it is one of bash, zsh, fish." +
            did_you_mean(shell, {"bash", "zsh", "fish"})
    ));
}

}  // namespace servo::cli
