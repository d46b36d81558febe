// For tests: compares generated text with a file of the source tree. With SERVO_UPDATE_GOLDEN=1 in
// the environment it writes the file instead. The test's target defines SERVO_SOURCE_DIR.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace servo {

inline bool updates_golden() {
    return std::getenv("SERVO_UPDATE_GOLDEN") != nullptr;
}

// A path, not a sum of strings: of a constant of sixteen characters or more, g++ 12 warns of what
// is not there (GCC PR 105651), so that the build would depend on where the source lies.
inline std::filesystem::path source_path(const std::string& relative) {
    return std::filesystem::path(SERVO_SOURCE_DIR) / relative;
}

inline std::string read_source(const std::string& relative) {
    std::ifstream file(source_path(relative), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Names the first line that differs: a page can have thousands.
inline void expect_golden(const std::string& relative, const std::string& actual) {
    if (updates_golden()) {
        const std::filesystem::path path = source_path(relative);
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << actual;
    }
    const std::string golden = read_source(relative);
    if (golden == actual) {
        return;
    }
    const auto [there, here] =
        std::mismatch(golden.begin(), golden.end(), actual.begin(), actual.end());
    const auto line_at = [](const std::string& text, std::string::const_iterator at) {
        const auto from = static_cast<size_t>(at - text.begin());
        const size_t before = text.substr(0, from).rfind('\n');
        const size_t begin = before == std::string::npos ? 0 : before + 1;
        return text.substr(begin, text.find('\n', begin) - begin);
    };
    ADD_FAILURE() << relative << ":" << 1 + std::count(golden.begin(), there, '\n') << " says\n  "
                  << line_at(golden, there) << "\nwhere the code says\n  " << line_at(actual, here)
                  << "\nIf the code is right, run this test with SERVO_UPDATE_GOLDEN=1.";
}

}  // namespace servo
