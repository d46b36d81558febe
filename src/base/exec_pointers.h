// Words as execve(2) takes them.
#pragma once

#include <string>
#include <vector>

namespace servo {

// Pointers to the words, with a null at the end; good while `words` stays as it is. They are not
// const because execve's are not; it does not write to them.
inline std::vector<char*> exec_pointers(const std::vector<std::string>& words) {
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (const std::string& word : words) {
        out.push_back(const_cast<char*>(word.c_str()));
    }
    out.push_back(nullptr);
    return out;
}

}  // namespace servo
