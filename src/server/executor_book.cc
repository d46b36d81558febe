#include "server/executor_book.h"

#include <algorithm>
#include <utility>

#include "api/utf8.h"
#include "model/pool.h"

namespace servo::server {
namespace {

Error unknown_session() {
    return failed_precondition(
        "unknown_session", "This leader does not know the session; register first."
    );
}

void cap(api::ExecutorHealth& health) {
    health.stuck.resize(std::min(health.stuck.size(), api::kStuckSlotsMax));
    if (health.errors.size() > api::kHealthErrorsMax) {
        health.errors.erase(
            health.errors.begin(),
            health.errors.end() - static_cast<std::ptrdiff_t>(api::kHealthErrorsMax)
        );
    }
    for (api::ExecutorError& error : health.errors) {
        error.message = api::clean_head(error.message, api::kHealthTextBytesMax);
    }
}

}  // namespace

void ExecutorBook::opened(int64_t session, const std::string& token, Instant now) {
    const std::lock_guard lock(mutex_);
    Page& opened = pages_[session];
    opened.token = token;
    opened.heard_at = now;
    drop_old_health(now);
    if (pages_.size() <= kBookSessionsMax) {
        return;
    }
    auto silent = pages_.begin();
    for (auto page = pages_.begin(); page != pages_.end(); ++page) {
        if (page->second.heard_at < silent->second.heard_at) {
            silent = page;
        }
    }
    pages_.erase(silent);
}

// The page itself stays: its session may go on without telling anything of its health.
void ExecutorBook::drop_old_health(Instant now) {
    for (auto& [session, page] : pages_) {
        if (now - page.heard_at > kBookHealthKept) {
            page.health.reset();
        }
    }
}

Millis ExecutorBook::call_every(Instant now) const {
    const auto calling = std::count_if(pages_.begin(), pages_.end(), [now](const auto& page) {
        return now - page.second.heard_at <= kBookCallsFor;
    });
    return std::clamp<Millis>(kBookCallPerSession * calling, kBookCallMin, api::kHealthInterval);
}

Status ExecutorBook::check(int64_t session, const std::string& token) const {
    const std::lock_guard lock(mutex_);
    const auto page = pages_.find(session);
    return page != pages_.end() && page->second.token == token ? Status{} : fail(unknown_session());
}

Result<api::HealthReply> ExecutorBook::tell(
    api::HealthRequest request, const std::string& token, Instant now
) {
    if (request.health) {
        cap(*request.health);
        request.health->as_of = now;
    }
    const std::lock_guard lock(mutex_);
    const auto found = pages_.find(request.session);
    if (found == pages_.end() || found->second.token != token) {
        return fail(unknown_session());
    }
    Page& page = found->second;
    page.heard_at = now;
    if (request.health) {
        page.health = std::move(request.health);
    }
    for (api::CheckAnswer& answer : request.answers) {
        const auto check = page.checks.find(answer.id);
        if (check != page.checks.end()) {  // else nobody waits for it any more
            answer.endpoints.resize(std::min(answer.endpoints.size(), model::kPoolChecksMax));
            check->second.answer.set_value(std::move(answer.endpoints));
            page.checks.erase(check);
        }
    }
    api::HealthReply reply;
    reply.next_ms = call_every(now).count();
    for (auto& [id, check] : page.checks) {
        if (check.ask) {
            reply.checks.push_back(*std::exchange(check.ask, std::nullopt));
        }
    }
    return reply;
}

Result<ExecutorBook::Asked> ExecutorBook::ask(
    int64_t session, std::vector<api::EndpointAsk> endpoints
) {
    const std::lock_guard lock(mutex_);
    const auto page = pages_.find(session);
    if (page == pages_.end()) {
        return fail(unknown_session());
    }
    if (page->second.checks.size() >= kChecksPerSessionMax) {
        return fail(resource_exhausted(
            "too_many_checks", "That executor has checks enough to make; try again in a moment."
        ));
    }
    const int64_t id = next_check_++;
    Check& check = page->second.checks[id];
    check.ask = api::CheckAsk{id, std::move(endpoints)};
    return Asked{session, id, check.answer.get_future()};
}

void ExecutorBook::forget(const Asked& asked) {
    const std::lock_guard lock(mutex_);
    const auto page = pages_.find(asked.session);
    if (page != pages_.end()) {
        page->second.checks.erase(asked.id);
    }
}

std::optional<api::ExecutorHealth> ExecutorBook::health(int64_t session) const {
    const std::lock_guard lock(mutex_);
    const auto page = pages_.find(session);
    return page == pages_.end() ? std::nullopt : page->second.health;
}

size_t ExecutorBook::size() const {
    const std::lock_guard lock(mutex_);
    return pages_.size();
}

}  // namespace servo::server
