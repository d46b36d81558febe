// Tokens of the API: made, replaced and revoked here, so that each change and its event are one
// batch. Whether a token is let in is decided where requests arrive.
#include <fmt/format.h>

#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

Result<TokenRow*> token_of(State& state, const std::string& id) {
    const auto it = state.tokens.find(id);
    if (it == state.tokens.end()) {
        return fail(not_found(
            "no_such_token",
            fmt::format("There is no token \"{}\"; `servo token list` shows them.", id)
        ));
    }
    return &it->second;
}

Status check_labels(const TokenRow& row) {
    if (!row.labels.empty() && row.role != TokenRole::kExecutor) {
        return fail(invalid_argument(
            "token_has_no_labels",
            fmt::format("A token of role {} has no labels; executors do.", to_string(row.role))
        ));
    }
    const bool fine = std::all_of(row.labels.begin(), row.labels.end(), [](const auto& label) {
        return label_ok(label.first, label.second);
    });
    if (!fine || row.labels.size() > kLabelsMax) {
        return fail(invalid_argument(
            "bad_label",
            fmt::format(
                "A token has at most {} labels such as zone=eu, each of at most {} printable "
                "bytes.",
                kLabelsMax,
                kLabelBytesMax
            )
        ));
    }
    return {};
}

// Ended ones do not count: whoever rotates tokens is not to be shut out by those of long ago.
Status check_count(const State& state, Instant now) {
    const auto live =
        std::count_if(state.tokens.begin(), state.tokens.end(), [now](const auto& token) {
            return token.second.live(now);
        });
    if (static_cast<size_t>(live) < kTokensMax) {
        return {};
    }
    return fail(resource_exhausted(
        "too_many_tokens",
        fmt::format(
            "There are {} tokens that are good, and no more are made. Revoke some: servo token "
            "revoke ID",
            kTokensMax
        )
    ));
}

Status check_new(const State& state, const CreateToken& command, Instant now) {
    const TokenRow& row = command.row;
    SERVO_CHECK(check_count(state, now));
    if (row.id.size() != kTokenIdCharacters || row.secret_sha256.empty() ||
        state.tokens.contains(row.id)) {
        return fail(invalid_argument("bad_token", "A new token needs an id and a hash of its own.")
        );
    }
    if (row.note.size() > kTokenNoteBytesMax) {
        return fail(invalid_argument(
            "text_too_long", fmt::format("note has more than {} bytes.", kTokenNoteBytesMax)
        ));
    }
    if (!command.replaces.empty()) {
        return {};
    }
    SERVO_CHECK(check_labels(row));
    if (needs_tenant(row.role) && command.tenant.empty()) {
        return fail(invalid_argument(
            "token_needs_tenant",
            fmt::format("A token of role {} is of one tenant: --tenant NAME.", to_string(row.role))
        ));
    }
    if (!may_have_tenant(row.role) && !command.tenant.empty()) {
        return fail(invalid_argument(
            "token_has_no_tenant",
            fmt::format("A token of role {} is of no tenant.", to_string(row.role))
        ));
    }
    return {};
}

std::string labels_part(const TokenRow& row) {
    return row.labels.empty() ? "" : fmt::format("Labels {}. ", to_text(row.labels));
}

TenantId tenant_for(Context& c, const std::string& name, const std::string& actor) {
    if (name.empty()) {
        return TenantId{};
    }
    if (!c.state.tenant_names.contains(name)) {
        add_tenant(c, name, actor);
    }
    return c.state.tenant_names.at(name);
}

}  // namespace

Result<Reply> create_token(Context& c, const CreateToken& command) {
    SERVO_CHECK(check_new(c.state, command, c.now));
    TokenRow row = command.row;
    row.created_at = c.now;
    row.revoked_at = kNever;
    std::string detail;
    if (!command.replaces.empty()) {
        TokenRow& old = *SERVO_TRY(token_of(c.state, command.replaces));
        if (!old.live(c.now)) {
            return fail(failed_precondition(
                "token_ended",
                fmt::format("Token {} has expired or was revoked; make a new one.", old.id)
            ));
        }
        row.role = old.role;
        row.tenant = old.tenant;
        row.labels = old.labels;
        row.note = row.note.empty() ? old.note : row.note;
        old.expires_at = std::min(old.expires_at, std::max(c.now, command.replaced_until));
        c.changes.tokens.push_back(old);
        detail = fmt::format("Replaces {}. ", old.id);
    } else {
        row.tenant = tenant_for(c, command.tenant, row.created_by);
    }
    event(
        c,
        row.tenant,
        row.created_by,
        command.replaces.empty() ? "token.created" : "token.rotated",
        row.id,
        fmt::format("{}Role {}. {}{}", detail, to_string(row.role), labels_part(row), row.note)
    );
    c.changes.tokens.push_back(row);
    c.state.tokens[row.id] = std::move(row);
    return Reply(Done{true});
}

Result<Reply> revoke_token(Context& c, const RevokeToken& command) {
    TokenRow& row = *SERVO_TRY(token_of(c.state, command.token));
    if (row.revoked_at != kNever) {
        return Reply(Done{false});
    }
    row.revoked_at = c.now;
    c.changes.tokens.push_back(row);
    event(c, row.tenant, command.actor, "token.revoked", row.id, command.reason);
    return Reply(Done{true});
}

}  // namespace servo::core
