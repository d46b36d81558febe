// Which answers a server gives by itself while another leads: what is over and recorded. It says
// how old they are.
#pragma once

#include <string_view>

#include "api/routes.h"

namespace servo::api {

// On such an answer: everything up to this time is in it, by the database's clock (RFC 3339).
constexpr std::string_view kAsOfHeader = "Servo-As-Of";

// Whether a standby answers the route, as far as no open backfill has a part in the answer.
bool told_of_record(const Route& route);

}  // namespace servo::api
