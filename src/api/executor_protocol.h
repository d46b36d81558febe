// The executor protocol (model/protocol.h) as JSON. Results travel as columns: one array per
// property of a lease's finished partitions, which costs a tenth of one object per partition.
// Pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "api/codec.h"
#include "model/protocol.h"

namespace servo::api {

constexpr size_t kHeldLeasesMax = 100'000;  // in one call

boost::json::object to_json(const model::RegisterRequest& request);
boost::json::object to_json(const model::RegisterReply& reply);
// `kind` is not in the document: the path says it.
std::string to_text(const model::CallRequest& request);
std::string to_text(const model::CallReply& reply);

// Errors: invalid_argument / "bad_body" with a FieldError for each bad field, "too_many_results".
Result<model::RegisterRequest> register_request_from(
    const boost::json::value& json, Unknown unknown
);
Result<model::RegisterReply> register_reply_from(const boost::json::value& json, Unknown unknown);
Result<model::CallRequest> call_request_from(
    const boost::json::value& json, model::CallKind kind, Unknown unknown
);
Result<model::CallReply> call_reply_from(const boost::json::value& json, Unknown unknown);

}  // namespace servo::api
