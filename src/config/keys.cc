#include "config/keys.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "config/key_tables.h"
#include "model/failure.h"

namespace servo::config {
namespace {

std::vector<MappingDecl> all_declarations() {
    std::vector<MappingDecl> all = {file_keys(), asset_keys(), partition_keys(), dimension_keys()};
    for (std::vector<MappingDecl> part : {run_keys(), asset_part_keys(), pool_keys()}) {
        for (MappingDecl& one : part) {
            all.push_back(std::move(one));
        }
    }
    std::sort(all.begin(), all.end(), [](const MappingDecl& a, const MappingDecl& b) {
        return a.scope < b.scope;
    });
    SERVO_ASSERT(all.size() == kScopeCount);
    for (size_t i = 0; i < all.size(); ++i) {
        SERVO_ASSERT(all[i].scope == static_cast<Scope>(i));
    }
    return all;
}

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_mark(char c) {
    return c == '.' || c == '_' || c == '-';
}

bool is_lower_name(std::string_view text, size_t length_max) {
    return !text.empty() && text.size() <= length_max && (is_lower(text[0]) || is_digit(text[0])) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_lower(c) || is_digit(c) || is_mark(c);
           });
}

}  // namespace

const MappingDecl& declaration(Scope scope) {
    static const std::vector<MappingDecl> kAll = all_declarations();
    return kAll[static_cast<size_t>(scope)];
}

const KeyDecl* find_key(Scope scope, std::string_view name) {
    for (const KeyDecl& key : declaration(scope).keys) {
        if (key.name == name) {
            return &key;
        }
    }
    return nullptr;
}

std::vector<std::string> known_keys(Scope scope) {
    std::vector<std::string> names;
    for (const KeyDecl& key : declaration(scope).keys) {
        if (!key.reserved) {
            names.emplace_back(key.name);
        }
    }
    return names;
}

bool is_ignored_key(std::string_view name) {
    return name.starts_with("x-");
}

bool is_name(std::string_view text) {
    return is_lower_name(text, 128);
}
bool is_tenant_name(std::string_view text) {
    return is_lower_name(text, 63);
}

bool is_env_name(std::string_view text) {
    return !text.empty() && text.size() <= 128 && !is_digit(text[0]) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_lower(c) || is_upper(c) || is_digit(c) || c == '_';
           });
}

bool is_dimension_name(std::string_view text) {
    return !text.empty() && text.size() <= 63 && is_lower(text[0]) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_lower(c) || is_digit(c) || c == '_';
           });
}

bool is_variable_name(std::string_view text) {
    return is_env_name(text) && !text.starts_with("SERVO_");
}

bool is_header_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '-';
    });
}

bool is_static_key(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || is_mark(c);
    });
}

std::vector<std::string> exit_code_classes() {
    std::vector<std::string> names;
    for (const model::FailureTraits& row : model::all_failure_traits()) {
        if (row.klass != model::FailureClass::kLost &&
            row.klass != model::FailureClass::kQuarantined) {
            names.emplace_back(row.name);
        }
    }
    return names;
}

std::vector<std::string> counted_classes() {
    std::vector<std::string> names;
    for (const model::FailureTraits& row : model::all_failure_traits()) {
        if (row.counts_attempt) {
            names.emplace_back(row.name);
        }
    }
    return names;
}

}  // namespace servo::config
