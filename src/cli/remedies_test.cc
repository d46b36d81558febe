// Every command that the product tells people to type is one that it understands: those in the
// examples of help, and those in the texts of the source, from `explain` to error messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/golden_test_support.h"
#include "cli/run.h"

namespace servo::cli {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

// The words of a simple command, without what it is redirected to; nothing is expanded.
Words words_of(const std::string& line) {
    Words out;
    std::string word;
    char quote = 0;
    for (const char c : line) {
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == ' ') {
            out.push_back(std::exchange(word, ""));
            continue;
        }
        word += c;
    }
    out.push_back(word);
    std::erase(out, "");
    out.erase(std::find(out.begin(), out.end(), ">"), out.end());
    return out;
}

// The simple commands of a line: "a | b && c" is three, and so is what stands in "$(…)".
std::vector<std::string> simple_commands(std::string line) {
    std::vector<std::string> out;
    for (size_t at = line.find("$("); at != std::string::npos; at = line.find("$(")) {
        const size_t end = line.find(')', at);
        out.push_back(line.substr(at + 2, end - at - 2));
        line.replace(at, end + 1 - at, "x");
    }
    for (const std::string_view between : {" | ", " && "}) {
        for (size_t at = line.find(between); at != std::string::npos; at = line.find(between)) {
            out.push_back(line.substr(0, at));
            line.erase(0, at + between.size());
        }
    }
    out.push_back(line);
    return out;
}

TEST(Remedies, ExamplesOfHelpAreCommands) {
    int checked = 0;
    for (const std::string& verb : all_verbs()) {
        std::istringstream help(help_of(verb));
        bool examples = false;
        for (std::string line; std::getline(help, line) && line.rfind("Usage:", 0) != 0;) {
            if (line == "Examples:") {
                examples = true;
                continue;
            }
            for (const std::string& one : simple_commands(line)) {
                Words words = words_of(one);
                const auto servo = std::find(words.begin(), words.end(), "servo");
                if (!examples || servo == words.end()) {
                    continue;
                }
                const Status known = check_command(Words(servo + 1, words.end()));
                EXPECT_TRUE(known) << line << "\n" << (known ? "" : known.error().message);
                ++checked;
            }
        }
    }
    EXPECT_GT(checked, 50);
}

// The string literals of C++ source, neighbours joined.
std::vector<std::string> literals_of(const std::string& source) {
    std::vector<std::string> out;
    bool joins = false;
    for (size_t at = 0; at < source.size(); ++at) {
        const char c = source[at];
        if (source.compare(at, 2, "//") == 0) {
            at = std::min(source.find('\n', at), source.size());
        } else if (c == '\'' && !std::isalnum(static_cast<unsigned char>(source[at - 1]))) {
            at += source[at + 1] == '\\' ? 2 : 1;
            at = source.find('\'', at);
            joins = false;
        } else if (c == '"') {
            std::string text;
            if (source[at - 1] == 'R') {
                const size_t begin = source.find('(', at) + 1;
                const std::string closing = ")" + source.substr(at + 1, begin - at - 2) + "\"";
                const size_t end = source.find(closing, begin);
                text = source.substr(begin, end - begin);
                at = end + closing.size() - 1;
            } else {
                for (++at; source[at] != '"'; ++at) {
                    const bool escaped = source[at] == '\\';
                    at += escaped ? 1 : 0;
                    text += escaped && source[at] == 'n' ? '\n' : source[at];
                }
            }
            if (joins) {
                out.back() += text;
            } else {
                out.push_back(text);
            }
            joins = true;
        } else if (!std::isspace(static_cast<unsigned char>(c)) && c != 'R') {
            joins = false;
        }
    }
    return out;
}

bool is_lower(const std::string& word) {
    return std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || c == '-';
    });
}

bool is_group(const std::string& verb, const std::set<std::string>& verbs) {
    const auto next = verbs.upper_bound(verb + ' ');
    return next != verbs.end() && next->starts_with(verb + ' ');
}

// What of `text`, which begins behind "servo ", belongs to the command. In prose it ends before the
// first word that is neither a placeholder, a flag, a flag's value nor where a group's verb must
// stand.
Words command_in(const std::string& text, bool quoted, const std::set<std::string>& verbs) {
    Words out;
    std::string verb;
    for (std::string word : words_of(text.substr(0, text.find_first_of(quoted ? "`" : "\n`")))) {
        const size_t end = word.find_last_not_of(".,;:)");
        const bool last = end + 1 < word.size();
        word.resize(end + 1);
        const std::string longer = verb.empty() ? word : verb + ' ' + word;
        const bool value = !out.empty() && out.back().starts_with("--");
        if (verbs.contains(longer) && (out.empty() || verbs.contains(verb))) {
            verb = longer;
        } else if (!quoted && is_lower(word) && !word.starts_with("--") && !value && !is_group(verb, verbs)) {
            break;
        }
        if (!word.empty()) {
            out.push_back(word);
        }
        if (last) {
            break;
        }
    }
    return out;
}

TEST(Remedies, CommandsInTextsOfTheSourceAreCommands) {
    const Words names = all_verbs();
    const std::set<std::string> verbs(names.begin(), names.end());
    std::set<std::string> found;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source_path("src"))) {
        const std::string path = entry.path().string();
        if (!path.ends_with(".cc") || path.ends_with("_test.cc") ||
            path.find("/src/sim/") != std::string::npos) {
            continue;
        }
        for (const std::string& text :
             literals_of(read_source(fs::relative(entry.path(), source_path(""))))) {
            for (size_t at = text.find("servo "); at != std::string::npos;
                 at = text.find("servo ", at + 1)) {
                const bool quoted = at > 0 && text[at - 1] == '`';
                const Words words = command_in(text.substr(at + 6), quoted, verbs);
                if (words.empty() || !verbs.contains(words.front())) {
                    continue;  // "this servo needs …"
                }
                const Status known = check_command(words);
                // A text may name a verb without what it is about.
                const bool fine =
                    known || known.error().message.find("required") != std::string::npos;
                EXPECT_TRUE(fine) << path << ": " << text << "\n" << known.error().message;
                std::string line;
                for (const std::string& word : words) {
                    line += (line.empty() ? "" : " ") + word;
                }
                found.insert(line);
            }
        }
    }
    for (const char* one :
         {"pool release {}",
          "backfill cancel {} --force",
          "tenant set {} --max-concurrency N",
          "executor undrain {}",
          "backfill retry {}",
          "partition run {} {}{}",
          "asset archive {} --undo"}) {
        EXPECT_TRUE(found.contains(one)) << one;
    }
}

}  // namespace
}  // namespace servo::cli
