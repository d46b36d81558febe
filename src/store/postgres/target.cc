#include "store/postgres/target.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace servo::store::postgres {
namespace {

struct OptionsDeleter {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OwnedOptions = std::unique_ptr<PQconninfoOption, OptionsDeleter>;

constexpr std::string_view kShown[] = {"host", "hostaddr", "port", "dbname", "user", "service"};

bool needs_quotes(std::string_view value) {
    return value.empty() || value.find_first_of(" '\\") != std::string_view::npos;
}

std::string quoted(std::string_view value) {
    if (!needs_quotes(value)) {
        return std::string(value);
    }
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "'";
}

bool is_shown(std::string_view keyword) {
    return std::find(std::begin(kShown), std::end(kShown), keyword) != std::end(kShown);
}

void add_word(std::string& shown, std::string_view keyword, std::string_view value) {
    shown += (shown.empty() ? "" : " ") + std::string(keyword) + "=" + quoted(value);
}

// What is shown of the PG* variables where the URL leaves it to them.
void add_environment(const PQconninfoOption& first, std::string& shown) {
    for (const PQconninfoOption* option = &first; option->keyword != nullptr; ++option) {
        const char* value = option->envvar != nullptr ? std::getenv(option->envvar) : nullptr;
        const bool given = option->val != nullptr && option->val[0] != '\0';
        if (!given && value != nullptr && value[0] != '\0' && is_shown(option->keyword)) {
            add_word(shown, option->keyword, value);
        }
    }
    if (shown.empty()) {
        shown = "host=''";  // as psql would find it: the local socket, the user's own name
    }
}

// As it may stand in a URL.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                           (byte >= 'A' && byte <= 'Z') || c == '-' || c == '_' || c == '.' ||
                           c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
        }
    }
    return out;
}

void replace_all(std::string& text, const std::string& what, std::string_view with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), with);
        at += with.size();
    }
}

// A word that libpq does not know, where it can be no part of a password: one with a blank, an
// ampersand or a slash in it is taken apart in the wrong places.
std::string unknown_word(std::string_view url, std::string_view message) {
    const size_t begin = message.find('"');
    const size_t end = message.rfind('"');
    const bool named = message.starts_with("invalid URI query parameter: ") ||
                       message.starts_with("invalid connection option ");
    if (!named || begin == end) {
        return "";
    }
    const std::string_view word = message.substr(begin + 1, end - begin - 1);
    const bool plain =
        !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
    const bool may_be_secret = url.find("password") != std::string_view::npos ||
                               url.find('@', url.find('?')) != std::string_view::npos;
    return plain && !may_be_secret ? std::string(word) : "";
}

// What libpq says may repeat the password, so only a harmless word of it is shown.
Error cannot_be_read(std::string_view url, const char* message) {
    const std::string word = unknown_word(url, message != nullptr ? message : "");
    return invalid_argument(
        "bad_database_url",
        "The database URL cannot be read" + (word.empty() ? "" : ": it knows no \"" + word + "\"") +
            ". It looks like postgresql://USER@HOST:5432/DATABASE; percent-encode what is special "
            "in its parts, and keep the password in ~/.pgpass or PGPASSFILE."
    );
}

// What libpq says in several lines, in one.
std::string in_one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!blank) {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    if (out.ends_with(' ')) {
        out.pop_back();
    }
    return out;
}

}  // namespace

Result<Target> Target::parse(
    const std::string& url, const std::string& application_name, Access access
) {
    Target out;
    out.url_ = url;
    out.application_name_ = application_name;
    out.access_ = access;
    char* raw_message = nullptr;
    const OwnedOptions options(PQconninfoParse(url.c_str(), &raw_message));
    const std::unique_ptr<char, decltype(&PQfreemem)> message(raw_message, &PQfreemem);
    if (options == nullptr) {
        return fail(cannot_be_read(url, message.get()));
    }
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        const bool secret = option->dispchar != nullptr && option->dispchar[0] == '*';
        if (option->val == nullptr || option->val[0] == '\0') {
            continue;
        }
        if (secret) {
            out.secrets_.emplace_back(option->val);
            out.secrets_.push_back(percent_encoded(option->val));
        } else if (is_shown(keyword)) {
            add_word(out.shown_, keyword, option->val);
        }
    }
    add_environment(*options, out.shown_);
    if (const char* password = std::getenv("PGPASSWORD");
        password != nullptr && password[0] != '\0') {
        out.secrets_.emplace_back(password);
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> Target::parameters() const {
    // The URL comes after what it may change, and before what it may not.
    return {
        {"connect_timeout", "5"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "3"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "10000"},
        {"application_name", application_name_},
        {"target_session_attrs", access_ == Access::kReadWrite ? "read-write" : "any"},
        {"dbname", url_},
        {"client_encoding", "UTF8"},
    };
}

std::string Target::redact(std::string message) const {
    for (const std::string& secret : secrets_) {
        replace_all(message, secret, "***");
    }
    return in_one_line(message);
}

}  // namespace servo::store::postgres
