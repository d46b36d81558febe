#include "base/suggest.h"

#include <algorithm>
#include <numeric>

namespace servo {
namespace {

constexpr size_t kCandidatesMax = 1000;
constexpr size_t kNameLengthMax = 200;

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
        }
    }
    return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& candidates) {
    if (typed.empty() || typed.size() > kNameLengthMax) {
        return "";
    }
    std::string best;
    size_t best_distance = std::max<size_t>(1, typed.size() / 3) + 1;
    const size_t count = std::min(candidates.size(), kCandidatesMax);
    for (size_t i = 0; i < count; ++i) {
        if (candidates[i].size() > kNameLengthMax) {
            continue;
        }
        const size_t distance = edit_distance(typed, candidates[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidates[i];
        }
    }
    return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates) {
    const std::string name = nearest(typed, candidates);
    return name.empty() ? "" : " Did you mean \"" + name + "\"?";
}

}  // namespace servo
