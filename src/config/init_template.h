// The files that `servo init` writes: a commented asset file and the script that it runs. They work
// as they are, without a network or any program but a POSIX shell. Pure.
#pragma once

#include <string>
#include <vector>

namespace servo::config {

struct InitFile {
    std::string name;  // relative to the folder of the asset file
    std::string content;
    bool executable = false;
};

// The asset file first.
std::vector<InitFile> init_files();

}  // namespace servo::config
