// JSON for people: two spaces a level, short arrays and objects on one line. Members keep their
// order.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace servo::config {

std::string pretty_json(const boost::json::value& value);

}  // namespace servo::config
