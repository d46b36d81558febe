#include "base/packed_text.h"

#include <zlib.h>

namespace servo {
namespace {

constexpr char kMark = '\0';
constexpr size_t kShortMax = 256;  // stays readable with any tool
constexpr int kLevel = 1;          // of zlib: most of the gain, at a third of the default's cost

Bytef* as_bytes(char* text) {
    return reinterpret_cast<Bytef*>(text);
}

}  // namespace

std::string pack_text(std::string text) {
    if (!text.empty() && text.front() == kMark) {
        text.front() = '?';
    }
    if (text.size() <= kShortMax) {
        return text;
    }
    std::string packed(1 + ::compressBound(text.size()), kMark);
    uLongf size = packed.size() - 1;
    const int done =
        ::compress2(as_bytes(packed.data() + 1), &size, as_bytes(text.data()), text.size(), kLevel);
    if (done != Z_OK || size + 1 >= text.size()) {
        return text;
    }
    packed.resize(1 + size);
    packed.shrink_to_fit();
    return packed;
}

Result<std::string> unpack_text(std::string bytes, size_t bytes_max) {
    if (bytes.empty() || bytes.front() != kMark) {
        return bytes;
    }
    std::string text(bytes_max, '\0');
    uLongf size = text.size();
    const int done =
        ::uncompress(as_bytes(text.data()), &size, as_bytes(bytes.data() + 1), bytes.size() - 1);
    if (done != Z_OK) {
        return fail(internal("corrupt_payload", "A stored text does not unpack."));
    }
    text.resize(size);
    return text;
}

}  // namespace servo
