#include "executor/log_tail.h"

#include <algorithm>

#include "base/utf8.h"

namespace servo::executor {
namespace {

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Length of the valid character at the start of `rest`, 0 when there is none; NUL is none.
size_t character_length(std::string_view rest) {
    return rest[0] == '\0' ? 0 : utf8_length(rest);
}

// Bytes at the end of `text` that begin a character and do not end it.
size_t cut_character(std::string_view text) {
    constexpr size_t kCharacterBytesMax = 4;
    for (size_t back = 1; back <= std::min(text.size(), kCharacterBytesMax); ++back) {
        const auto lead = static_cast<unsigned char>(text[text.size() - back]);
        if (lead < 0x80) {
            return 0;
        }
        if (lead >= 0xC0) {
            const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
            return back < length ? back : 0;
        }
    }
    return 0;
}

}  // namespace

void LogTailBuffer::reset(size_t secret_bytes_max) {
    ring_.clear();
    next_ = 0;
    total_ = 0;
    extra_ = secret_bytes_max > 0 ? secret_bytes_max - 1 : 0;
    capacity_ = model::kLogTailBytesMax + extra_;
}

void LogTailBuffer::append(std::string_view bytes) {
    total_ += bytes.size();
    if (bytes.size() >= capacity_) {
        ring_ = bytes.substr(bytes.size() - capacity_);
        next_ = 0;
        return;
    }
    const size_t fits = std::min(bytes.size(), capacity_ - ring_.size());
    ring_.append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
    while (!bytes.empty()) {
        const size_t count = std::min(bytes.size(), ring_.size() - next_);
        ring_.replace(next_, count, bytes.substr(0, count));
        next_ = (next_ + count) % ring_.size();
        bytes.remove_prefix(count);
    }
}

std::string LogTailBuffer::tail(const Redactor& redactor) const {
    if (total_ == 0) {
        return {};
    }
    std::string linear = ring_.substr(next_) + ring_.substr(0, next_);
    const size_t over =
        linear.size() > model::kLogTailBytesMax ? linear.size() - model::kLogTailBytesMax : 0;
    std::string text = redactor.redact(linear, over);
    if (text.size() > model::kLogTailBytesMax) {
        text.erase(0, text.size() - model::kLogTailBytesMax);
    }
    return clean_text(std::move(text));
}

LogTailBuffer::Piece LogTailBuffer::since(uint64_t offset, const Redactor& redactor) const {
    if (offset >= total_) {
        return {offset, offset, {}};
    }
    const std::string linear = ring_.substr(next_) + ring_.substr(0, next_);
    const uint64_t first = total_ - linear.size();
    const size_t shown = std::min(linear.size(), model::kLogTailBytesMax);
    const uint64_t begin = std::max(offset, total_ - shown);
    std::string_view text = linear;
    text.remove_suffix(cut_character(text));
    text.remove_suffix(redactor.held_back(text));
    const uint64_t end = first + text.size();
    if (end <= begin) {
        return {offset, offset, {}};
    }
    return {begin, end, clean_text(redactor.redact(text, static_cast<size_t>(begin - first)))};
}

std::string clean_text(std::string text) {
    for (size_t i = 0; i < text.size();) {
        const size_t length = character_length(std::string_view(text).substr(i));
        if (length == 0) {
            text[i] = '?';
        }
        i += std::max<size_t>(length, 1);
    }
    return text;
}

std::string cut_text(std::string_view text, size_t bytes_max) {
    if (text.size() > bytes_max) {
        while (bytes_max > 0 && is_continuation(text[bytes_max])) {
            --bytes_max;
        }
        text = text.substr(0, bytes_max);
    }
    return clean_text(std::string(text));
}

std::string last_line(std::string_view tail, size_t bytes_max) {
    const size_t end = tail.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) {
        return {};
    }
    tail = tail.substr(0, end + 1);
    const size_t start = tail.find_last_of('\n');
    return cut_text(start == std::string_view::npos ? tail : tail.substr(start + 1), bytes_max);
}

}  // namespace servo::executor
