#include "cli/completion.h"

#include <set>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "base/text.h"

namespace servo::cli {
namespace {

// What may follow the words `path` ("backfill start"; empty = the program alone).
struct Place {
    std::string path;
    std::vector<std::string> words;  // verbs, then flags
};

void collect(
    const CLI::App& app,
    const std::string& path,
    const std::set<std::string>& visible,
    std::vector<Place>& places
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
        }
    }
    places.push_back(std::move(place));
    for (const auto& [sub, name] : subs) {
        collect(*sub, name, visible, places);
    }
}

std::string bash_script(const std::vector<Place>& places) {
    std::string cases;
    for (const Place& place : places) {
        cases += "        \"" + place.path + "\") words=\"" + join(place.words, " ") + "\" ;;\n";
    }
    return "# bash completion of servo; use it with: source <(servo completion bash)\n"
           "_servo() {\n"
           "    local current=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" words=\"\" word\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        case \"$word\" in -*) ;; *) [[ $(wc -w <<<\"$path\") -lt 2 ]] && "
           "path=\"${path:+$path }$word\" ;; esac\n"
           "    done\n"
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

std::string fish_script(const std::vector<Place>& places) {
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
            const bool flag = word.starts_with("--");
            text += "complete -c servo -n '" + condition + "' " +
                    (flag ? "-l " + word.substr(2) : "-a " + word) + "\n";
        }
    }
    return text;
}

}  // namespace

Result<std::string> completion_script(Commands& commands, const std::string& shell) {
    const std::vector<std::string> names = commands.visible();
    std::vector<Place> places;
    collect(commands.root(), "", {names.begin(), names.end()}, places);
    if (shell == "bash") {
        return bash_script(places);
    }
    if (shell == "zsh") {
        return "#compdef servo\nautoload -U +X bashcompinit && bashcompinit\n" +
               bash_script(places);
    }
    if (shell == "fish") {
        return fish_script(places);
    }
    return fail(invalid_argument(
        "unknown_shell",
        "There is no completion for \"" + shell + "\"; it is one of bash, zsh, fish." +
            did_you_mean(shell, {"bash", "zsh", "fish"})
    ));
}

}  // namespace servo::cli
