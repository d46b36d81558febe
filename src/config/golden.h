// For tests: compares generated text with a file of the source tree. With SERVO_UPDATE_GOLDEN=1 in
// the environment it writes the file instead.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace servo::config {

inline std::string source_path(const std::string& relative) {
    return std::string(SERVO_SOURCE_DIR) + "/" + relative;
}

inline std::string read_source(const std::string& relative) {
    std::ifstream file(source_path(relative), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void expect_golden(const std::string& relative, const std::string& actual) {
    if (std::getenv("SERVO_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(source_path(relative), std::ios::binary) << actual;
    }
    EXPECT_EQ(read_source(relative), actual)
        << relative
        << " is not what the declarations say; run the test with SERVO_UPDATE_GOLDEN=1.";
}

}  // namespace servo::config
