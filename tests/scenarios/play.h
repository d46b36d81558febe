// Plays a scenario: reads its lines, does what they say, and returns the whole session as text.
#pragma once

#include <string>

namespace servo::scenarios {

// Throws ScenarioError with the line number when the file is wrong.
std::string play(const std::string& script);

}  // namespace servo::scenarios
