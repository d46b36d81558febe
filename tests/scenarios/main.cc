// scenario_test FOLDER [--update] [NAME…]: plays each NAME.scenario of the folder and compares the
// session with NAME.golden; --update writes it instead. Exit 1 when one differs.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "play.h"
#include "words.h"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out(1);
    for (const char ch : text) {
        if (ch == '\n') {
            out.emplace_back();
        } else {
            out.back() += ch;
        }
    }
    return out;
}

void show_difference(const std::string& golden, const std::string& played) {
    const std::vector<std::string> want = lines(golden);
    const std::vector<std::string> have = lines(played);
    size_t at = 0;
    while (at < want.size() && at < have.size() && want[at] == have[at]) {
        ++at;
    }
    std::printf(
        "  line %zu\n    golden: %s\n    played: %s\n",
        at + 1,
        at < want.size() ? want[at].c_str() : "(end)",
        at < have.size() ? have[at].c_str() : "(end)"
    );
}

// False when the session is not the golden one.
bool check(const fs::path& scenario, bool update) {
    const fs::path golden = fs::path(scenario).replace_extension(".golden");
    std::string played;
    try {
        played = servo::scenarios::play(read(scenario));
    } catch (const servo::scenarios::ScenarioError& error) {
        std::printf("FAILED %s: %s\n", scenario.filename().c_str(), error.what());
        return false;
    }
    if (update) {
        std::ofstream(golden, std::ios::binary) << played;
        return true;
    }
    const std::string wanted = read(golden);
    if (wanted == played) {
        return true;
    }
    std::printf("FAILED %s is not its golden session\n", scenario.filename().c_str());
    show_difference(wanted, played);
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: scenario_test FOLDER [--update] [NAME...]\n");
        return 2;
    }
    bool update = false;
    std::set<std::string> names;
    for (int i = 2; i < argc; ++i) {
        if (std::strcmp(argv[i], "--update") == 0) {
            update = true;
        } else {
            names.insert(argv[i]);
        }
    }
    std::set<fs::path> scenarios;
    for (const auto& entry : fs::directory_iterator(argv[1])) {
        const std::string name = entry.path().stem();
        if (entry.path().extension() == ".scenario" && (names.empty() || names.count(name) > 0)) {
            scenarios.insert(entry.path());
        }
    }
    int failed = 0;
    for (const fs::path& scenario : scenarios) {
        failed += check(scenario, update) ? 0 : 1;
    }
    std::printf("%zu scenarios, %d failed\n", scenarios.size(), failed);
    if (failed > 0) {
        std::printf(
            "If the change is meant: scenario_test %s --update, and read the difference.\n", argv[1]
        );
    }
    return failed == 0 && !scenarios.empty() ? 0 : 1;
}
