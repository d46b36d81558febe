#include "api/codec.h"

#include <fmt/format.h>

#include <algorithm>

namespace servo::api {
namespace {

constexpr size_t kFieldErrorsNamed = 3;  // in the sentence; the others stand beside it

}  // namespace

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
    std::string text;
    for (size_t i = 0; i < std::min(errors.size(), kFieldErrorsNamed); ++i) {
        const std::string& message = errors[i].message;
        const bool ends = message.ends_with('.') || message.ends_with('?');
        text +=
            fmt::format("{}{}: {}{}", i == 0 ? "" : " ", errors[i].field, message, ends ? "" : ".");
    }
    if (errors.size() > kFieldErrorsNamed) {
        text += fmt::format(" And {} more.", errors.size() - kFieldErrorsNamed);
    }
    Error error = invalid_argument("bad_body", std::move(text));
    error.fields = std::move(errors);
    return error;
}

}  // namespace servo::api
