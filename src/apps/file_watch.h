// Tells when asset files were saved. Folders are watched rather than files, because editors replace
// files instead of writing into them. Used from one thread.
#pragma once

#include <string>

#include "base/result.h"

namespace servo::apps {

class FileWatch {
 public:
    // A file, or a folder whose *.yaml and *.yml count. Error: internal / "cannot_watch".
    static Result<FileWatch> open(const std::string& path);
    FileWatch(FileWatch&& other) noexcept;
    FileWatch& operator=(FileWatch&&) = delete;
    ~FileWatch();

    // Blocks until something was saved and nothing more followed for a moment, or `stop_fd` is
    // readable; false then.
    bool wait(int stop_fd);

 private:
    FileWatch(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
    bool read_events();

    int fd_ = -1;
    std::string name_;  // of the file in its folder; empty = any asset file
};

}  // namespace servo::apps
