// "Did you mean": the nearest of some known names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace servo {

// The candidate nearest to `typed` by edit distance (at most a third of its length, at least 1);
// empty when none is near. Ties: the first. Candidates beyond the first 1,000 are not looked at.
std::string nearest(std::string_view typed, const std::vector<std::string>& candidates);

// ` Did you mean "x"?` or an empty string: ready to be appended to a message.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates);

}  // namespace servo
