#include "sim/trace.h"

#include <fmt/format.h>

#include <cstdio>

namespace servo::sim {

void Trace::add(Micros at, std::string_view line) {
    std::string text = fmt::format("{:>12.6f} {}", static_cast<double>(at.count()) / 1e6, line);
    for (const char ch : text) {  // FNV-1a
        hash_ = (hash_ ^ static_cast<unsigned char>(ch)) * 0x100000001b3ULL;
    }
    if (echo_ == Echo::kYes) {
        std::printf("%s\n", text.c_str());
    }
    tail_.push_back(std::move(text));
    if (tail_.size() > kTraceTailLines) {
        tail_.pop_front();
    }
}

}  // namespace servo::sim
