// The OpenAPI 3.1 document, made from the list of routes and the descriptions of the wire structs.
#pragma once

#include <boost/json/object.hpp>

namespace servo::api {

// Equal on every call and machine.
boost::json::object openapi_document();

}  // namespace servo::api
