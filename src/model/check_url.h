// What the URL of a pool's check may be: one GET of http or https, without a user. Pure.
#pragma once

#include <string>
#include <string_view>

namespace servo::model {

// A sentence that says what is wrong with `url` and how it is written; empty when it is right.
std::string check_url_problem(std::string_view url);

}  // namespace servo::model
