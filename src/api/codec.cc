#include "api/codec.h"

#include <fmt/format.h>

namespace servo::api {

std::string JsonPath::text() const {
    if (parent == nullptr) {
        return "";
    }
    const std::string before = parent->text();
    if (name.empty()) {
        return fmt::format("{}[{}]", before, index);
    }
    return before.empty() ? std::string(name) : fmt::format("{}.{}", before, name);
}

Error bad_body(std::vector<FieldError> errors) {
    std::string text = "The body is not valid: ";
    if (errors.size() == 1) {
        const std::string& message = errors.front().message;
        const bool ends = message.ends_with('.') || message.ends_with('?');
        text += fmt::format("{} {}{}", errors.front().field, message, ends ? "" : ".");
    } else {
        text += fmt::format("{} fields are wrong.", errors.size());
    }
    Error error = invalid_argument("bad_body", std::move(text));
    error.fields = std::move(errors);
    return error;
}

}  // namespace servo::api
