#include "api/problem.h"

#include <fmt/format.h>

#include <array>

#include "api/json.h"

namespace servo::api {
namespace {

namespace json = boost::json;

struct ReasonStatus {
    std::string_view reason;
    int status;
};
constexpr std::array<ReasonStatus, 10> kReasonStatus = {{
    {"bad_json", 400},
    {"json_too_deep", 400},
    {"bad_path", 400},
    {"bad_request", 400},
    {"unknown_route", 404},
    {"method_not_allowed", 405},
    {"body_too_large", 413},
    {"bad_content_type", 415},
    {"wrong_host", 421},
    {"headers_too_large", 431},
}};

std::string_view title_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return "The request is not valid";
        case ErrorCode::kUnauthenticated:
            return "Not authenticated";
        case ErrorCode::kPermissionDenied:
            return "Not allowed";
        case ErrorCode::kNotFound:
            return "Not found";
        case ErrorCode::kAlreadyExists:
            return "It exists already";
        case ErrorCode::kConflict:
            return "It conflicts with something else";
        case ErrorCode::kFailedPrecondition:
            return "A precondition does not hold";
        case ErrorCode::kResourceExhausted:
            return "A limit is reached";
        case ErrorCode::kDeadlineExceeded:
            return "It took too long";
        case ErrorCode::kUnavailable:
            return "Not available at the moment";
        case ErrorCode::kInternal:
            return "An error inside Servo";
    }
    return "";
}

ErrorCode code_of_status(int status) {
    switch (status) {
        case 401:
            return ErrorCode::kUnauthenticated;
        case 403:
            return ErrorCode::kPermissionDenied;
        case 404:
            return ErrorCode::kNotFound;
        case 409:
            return ErrorCode::kConflict;
        case 412:
            return ErrorCode::kFailedPrecondition;
        case 408:
        case 504:
            return ErrorCode::kDeadlineExceeded;
        case 429:
            return ErrorCode::kResourceExhausted;
        case 502:
        case 503:
            return ErrorCode::kUnavailable;
        default:
            return status >= 400 && status < 500 ? ErrorCode::kInvalidArgument
                                                 : ErrorCode::kInternal;
    }
}

std::string text_member(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? "" : std::string(*text);
}

int integer_member(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    const int64_t* number = value == nullptr ? nullptr : value->if_int64();
    return number == nullptr ? 0 : static_cast<int>(*number);
}

Error error_from_document(const json::object& document, int status) {
    Error error;
    const std::string code = text_member(document, "code");
    error.code = code.empty() ? code_of_status(status) : error_code_from_name(code);
    error.reason = text_member(document, "reason");
    error.message = text_member(document, "detail");
    error.retry_after_s = integer_member(document, "retry_after_s");
    if (error.message.empty()) {
        error.message = fmt::format("The server answered {} without saying why.", status);
    }
    const json::value* fields = document.if_contains("fields");
    if (fields != nullptr && fields->is_array()) {
        for (const json::value& item : fields->get_array()) {
            if (const json::object* field = item.if_object()) {
                error.fields.push_back(FieldError{
                    text_member(*field, "field"),
                    integer_member(*field, "line"),
                    text_member(*field, "message")});
            }
        }
    }
    return error;
}

}  // namespace

int http_status(const Error& error) {
    for (const ReasonStatus& row : kReasonStatus) {
        if (row.reason == error.reason) {
            return row.status;
        }
    }
    return traits(error.code).http_status;
}

json::object problem_document(const Error& error, std::string_view request_id) {
    json::object document;
    document["type"] = fmt::format("about:servo/{}", error.reason);
    document["title"] = title_of(error.code);
    document["status"] = http_status(error);
    document["detail"] = error.message;
    document["code"] = traits(error.code).name;
    document["reason"] = error.reason;
    if (!error.fields.empty()) {
        json::array fields;
        for (const FieldError& field : error.fields) {
            json::object item;
            item["field"] = field.field;
            if (field.line > 0) {
                item["line"] = field.line;
            }
            item["message"] = field.message;
            fields.push_back(std::move(item));
        }
        document["fields"] = std::move(fields);
    }
    document["request_id"] = request_id;
    if (error.retry_after_s > 0) {
        document["retry_after_s"] = error.retry_after_s;
    }
    return document;
}

Error error_from_problem(int status, std::string_view body) {
    const auto json = parse_json(body);
    if (json && json->is_object() && json->get_object().contains("reason")) {
        return error_from_document(json->get_object(), status);
    }
    Error error;
    error.code = code_of_status(status);
    if (json && json->is_object() && json->get_object().contains("role")) {  // a page of health
        error.reason = "not_ready";
        error.message =
            fmt::format("The server is not ready: {}.", text_member(json->get_object(), "status"));
        return error;
    }
    error.reason = "unexpected_answer";
    error.message = fmt::format(
        "The server answered {} with something that is no Servo answer; is the address right, and "
        "is "
        "there a proxy in between?",
        status
    );
    return error;
}

}  // namespace servo::api
