#include "store/sqlite/log_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace servo::store::sqlite {
namespace {

// Layout of the file: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
constexpr size_t kHeaderBytes = 32;
constexpr size_t kFrameHeaderBytes = 24;
constexpr uint32_t kMagic = 0x377f0682;  // the last bit: checksums of big-endian words
constexpr uint32_t kPageSizeMin = 512;
constexpr uint32_t kPageSizeMax = 65'536;

class File {
 public:
    explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~File() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    File(const File&) = delete;
    bool is_open() const { return fd_ >= 0; }
    // Whether all of it could be read.
    bool read(std::vector<unsigned char>& bytes) const {
        size_t got = 0;
        while (got < bytes.size()) {
            const ssize_t n = ::read(fd_, bytes.data() + got, bytes.size() - got);
            if (n <= 0) {
                return false;
            }
            got += static_cast<size_t>(n);
        }
        return true;
    }

 private:
    int fd_;
};

uint32_t big_endian(const unsigned char* at) {
    return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
}
uint32_t little_endian(const unsigned char* at) {
    return uint32_t{at[3]} << 24 | uint32_t{at[2]} << 16 | uint32_t{at[1]} << 8 | uint32_t{at[0]};
}

struct Checksum {
    bool words_big_endian = false;
    uint32_t first = 0;
    uint32_t second = 0;

    void add(const unsigned char* bytes, size_t count) {
        for (size_t i = 0; i + 8 <= count; i += 8) {
            const auto word = [&](size_t at) {
                return words_big_endian ? big_endian(bytes + at) : little_endian(bytes + at);
            };
            first += word(i) + second;
            second += word(i + 4) + first;
        }
    }
    bool matches(const unsigned char* stored) const {
        return first == big_endian(stored) && second == big_endian(stored + 4);
    }
};

Error damaged(const std::string& what) {
    return internal("store_corrupt", "its write-ahead log has " + what);
}

}  // namespace

Status check_log(const std::string& path) {
    const File file(path);
    if (!file.is_open()) {
        return errno == ENOENT
                   ? Status{}
                   : fail(internal(
                         "store_io", fmt::format("Cannot read {}: {}.", path, std::strerror(errno))
                     ));
    }
    std::vector<unsigned char> header(kHeaderBytes);
    if (!file.read(header)) {
        return {};  // too short to hold a commit
    }
    Checksum sum;
    sum.words_big_endian = big_endian(header.data()) == (kMagic | 1);
    const uint32_t page_size = big_endian(header.data() + 8);
    sum.add(header.data(), kFrameHeaderBytes);
    if ((big_endian(header.data()) & ~uint32_t{1}) != kMagic || page_size < kPageSizeMin ||
        page_size > kPageSizeMax || !sum.matches(header.data() + kFrameHeaderBytes)) {
        return fail(damaged("a damaged first line"));
    }
    const auto same_life = [&](const std::vector<unsigned char>& frame) {
        return std::memcmp(frame.data() + 8, header.data() + 16, 8) == 0;
    };
    std::vector<unsigned char> frame(kFrameHeaderBytes + page_size);
    bool sound = true;
    int commits_lost = 0;
    for (uint64_t number = 1; file.read(frame); ++number) {
        if (sound) {
            sum.add(frame.data(), 8);
            sum.add(frame.data() + kFrameHeaderBytes, page_size);
            sound = same_life(frame) && sum.matches(frame.data() + 16);
        }
        const bool is_commit = big_endian(frame.data() + 4) != 0;
        commits_lost += !sound && is_commit && same_life(frame) ? 1 : 0;
        if (commits_lost > 1) {
            return fail(
                damaged(fmt::format("committed batches that cannot be read (frame {})", number))
            );
        }
    }
    return {};
}

}  // namespace servo::store::sqlite
