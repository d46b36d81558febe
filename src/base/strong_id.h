// Strong integer types: two kinds of id cannot be swapped by mistake.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace servo {

template <typename Tag, typename Rep = int64_t>
struct StrongId {
    Rep value = 0;  // 0 = none, for every id kind
    constexpr StrongId() = default;
    constexpr explicit StrongId(Rep v) : value(v) {}
    constexpr auto operator<=>(const StrongId&) const = default;
    constexpr explicit operator bool() const { return value != 0; }
};

}  // namespace servo

template <typename Tag, typename Rep>
struct std::hash<servo::StrongId<Tag, Rep>> {
    size_t operator()(servo::StrongId<Tag, Rep> id) const noexcept {
        return std::hash<Rep>{}(id.value);
    }
};
