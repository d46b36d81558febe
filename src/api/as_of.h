// Which answers may be older than the last commit: those that a server gives by itself while
// another leads, of what is over and recorded, and those that come from a replica. They say how old
// they are.
#pragma once

#include <string_view>

#include "api/routes.h"

namespace servo::api {

// On such an answer: everything up to this time is in it, by the database's clock (RFC 3339).
constexpr std::string_view kAsOfHeader = "Servo-As-Of";

// Whether a standby answers the route, as far as no open backfill has a part in the answer.
bool told_of_record(const Route& route);

// Whether the route is answered of a replica where there is one, as far as only what is over has a
// part in the answer: it shows what was, and nobody decides by it.
bool told_of_past(const Route& route);

}  // namespace servo::api
