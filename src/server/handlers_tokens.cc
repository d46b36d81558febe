// Tokens: made, listed, replaced, revoked. The text of a token passes through here once, and is
// neither stored nor logged.
#include <fmt/format.h>

#include "api/admin.h"
#include "config/fields.h"
#include "config/keys.h"
#include "server/call.h"
#include "server/lookup.h"
#include "server/settings.h"
#include "server/token_book.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kOverlapUsual{86'400'000};

api::Token render_token(const TokenRow& row, const std::string& tenant, Instant now) {
    api::Token out;
    out.id = row.id;
    out.role = std::string(to_string(row.role));
    if (!tenant.empty()) {
        out.tenant_id = tenant;
    }
    out.labels = row.labels;
    out.note = row.note;
    out.state = row.revoked_at <= now ? "revoked" : row.live(now) ? "active" : "expired";
    out.created_at = row.created_at;
    out.created_by = row.created_by;
    if (row.expires_at != kNever) {
        out.expires_at = row.expires_at;
    }
    if (row.revoked_at != kNever) {
        out.revoked_at = row.revoked_at;
    }
    return out;
}

Result<store::StoredToken> stored_token(Call& call, const std::string& id) {
    SERVO_CHECK(call.tokens.refresh());
    const auto table = call.tokens.table();
    const auto it = table->by_id.find(id);
    if (it == table->by_id.end()) {
        return fail(not_found(
            "no_such_token",
            fmt::format("There is no token \"{}\"; `servo token list` shows them.", id)
        ));
    }
    return it->second;
}

// A tenant begins with its first definition, or with its first token, so that its people can apply
// that themselves; by a slip of the keyboard it must not begin.
Status check_tenant(Call& call, const std::string& name) {
    const auto found = find_tenant(call, name);
    if (found || found.error().reason != "no_such_tenant") {
        return found ? Status{} : fail(found.error());
    }
    Error error = found.error();
    error.message += " To make it with its first token, add --new-tenant.";
    return fail(std::move(error));
}

// Makes it and answers with its text, which is never shown again: so nothing fails once it is made.
// `tenant` by name; empty = none.
Result<Response> make_token(Call& call, core::CreateToken command, const std::string& tenant) {
    const TokenText text = draw_token(command.row.role);
    TokenRow& row = command.row;
    row.id = text.id;
    row.secret_sha256 = token_hash(text.secret);
    row.created_by = call.principal.actor;
    row.created_at = call.backend.now();
    api::Token shown = render_token(row, tenant, row.created_at);
    SERVO_TRY(call.backend.run(std::move(command)));
    (void)call.tokens.refresh();  // lets it in at once; else the book does within kTokensReadEvery
    return json_response(to_json(api::NewToken{format_token(text), std::move(shown)}));
}

Result<Response> create_token(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::CreateTokenRequest>());
    const auto role = token_role_from(request.role);
    if (!role) {
        return fail(invalid_argument(
            "bad_role", "Say which role: admin, tenant-admin, tenant-read, executor or metrics."
        ));
    }
    if (!request.tenant.empty() && !config::is_tenant_name(request.tenant)) {
        return fail(invalid_argument(
            "bad_tenant_name",
            fmt::format(
                "\"{}\" is not a valid tenant name; use {}.",
                request.tenant,
                config::kTenantNames.hint
            )
        ));
    }
    if (request.new_tenant && request.tenant.empty()) {
        return fail(invalid_argument(
            "token_needs_tenant", "A new tenant has a name: --tenant NAME --new-tenant."
        ));
    }
    if (!request.tenant.empty() && !request.new_tenant && model::may_have_tenant(*role)) {
        SERVO_CHECK(check_tenant(call, request.tenant));
    }
    core::CreateToken command;
    command.row.role = *role;
    command.row.labels = request.labels;
    command.row.note = request.note;
    command.row.expires_at = SERVO_TRY(parse_hold(request.lives_for, call.backend.now()));
    command.tenant = request.tenant;
    return make_token(call, std::move(command), request.tenant);
}

Result<Response> list_tokens(Call& call) {
    SERVO_CHECK(call.tokens.refresh());
    api::List<api::Token> out;
    for (const auto& [id, token] : call.tokens.table()->by_id) {
        out.items.push_back(render_token(token.row, token.tenant_name, call.backend.now()));
    }
    return json_response(to_json(out));
}

Result<Response> revoke_token(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::RevokeTokenRequest>());
    SERVO_CHECK(check_note("reason", request.reason));
    const core::Reply reply = SERVO_TRY(call.backend.run(core::RevokeToken{
        call.parameter("token"), request.reason, call.principal.actor}));
    SERVO_CHECK(call.tokens.refresh());
    const auto* done = std::get_if<core::Done>(&reply);
    return json_response(to_json(api::Changed{done == nullptr || done->changed}));
}

Result<Response> rotate_token(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::RotateTokenRequest>());
    const store::StoredToken old = SERVO_TRY(stored_token(call, call.parameter("token")));
    const Instant now = call.backend.now();
    core::CreateToken command;
    command.row = old.row;
    command.row.expires_at = SERVO_TRY(parse_hold(request.lives_for, now));
    command.replaces = old.row.id;
    command.replaced_until = request.overlap.empty()
                                 ? now + kOverlapUsual
                                 : SERVO_TRY(parse_hold(request.overlap, now, "overlap"));
    return make_token(call, std::move(command), old.tenant_name);
}

}  // namespace

HandlerTable token_handlers() {
    return {
        {"create_token", create_token},
        {"list_tokens", list_tokens},
        {"revoke_token", revoke_token},
        {"rotate_token", rotate_token},
    };
}

}  // namespace servo::server
