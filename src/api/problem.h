// RFC 9457 problem documents: how an Error looks outside, and back. Pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace servo::api {

constexpr std::string_view kProblemContentType = "application/problem+json";
constexpr std::string_view kJsonContentType = "application/json";

// HTTP status of an error: by its code, except for a few reasons that HTTP has a status of its own
// for ("method_not_allowed", "body_too_large", "bad_content_type", …).
int http_status(const Error& error);

// Members: type ("about:servo/<reason>"), title, status, detail, code, reason, fields[] (field,
// line, message), request_id, retry_after_s.
boost::json::object problem_document(const Error& error, std::string_view request_id);

// What a client makes of an answer that is not a success. Bodies that are no problem document
// (a proxy's page) become an error of the status's code that says so.
Error error_from_problem(int status, std::string_view body);

}  // namespace servo::api
