#include "server/token_book.h"

#include <sys/random.h>

#include "base/assert.h"
#include "base/log.h"
#include "server/digest.h"

namespace servo::server {
namespace {

std::string random_bytes(size_t count) {
    std::string out(count, '\0');
    size_t done = 0;
    while (done < count) {
        const ssize_t got = getrandom(out.data() + done, count - done, 0);
        done += got > 0 ? static_cast<size_t>(got) : 0;
    }
    return out;
}

}  // namespace

TokenBook::TokenBook(store::Archive& archive, Millis sought_wait)
    : history_(archive.within(store::TenantScope::all())),
      sought_wait_(sought_wait),
      table_(std::make_shared<const TokenTable>()) {}

TokenBook::~TokenBook() {
    stop();
}

Status TokenBook::start() {
    SERVO_CHECK(refresh());
    thread_ = std::thread([this] { run(); });
    return {};
}

void TokenBook::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    answered_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

Status TokenBook::refresh() {
    const std::lock_guard alone(refreshing_);
    auto read = SERVO_TRY(history_->tokens());
    auto table = std::make_shared<TokenTable>();
    for (store::StoredToken& token : read) {
        table->closed = table->closed || token.row.role == model::TokenRole::kAdmin;
        table->by_id[token.row.id] = std::move(token);
    }
    table->newer = [this] { return newer(); };
    const std::lock_guard lock(mutex_);
    table_ = std::move(table);
    return {};
}

std::shared_ptr<const TokenTable> TokenBook::table() const {
    const std::lock_guard lock(mutex_);
    return table_;
}

std::shared_ptr<const TokenTable> TokenBook::newer() {
    std::unique_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now < no_ask_until_ || stopping_) {
        return table_;
    }
    no_ask_until_ = now + kTokensSoughtEvery;
    const int64_t mine = ++asks_;
    wake_.notify_all();
    const bool answered =
        answered_.wait_for(lock, sought_wait_, [&] { return asks_answered_ >= mine || stopping_; });
    if (!answered) {
        no_ask_until_ = std::chrono::steady_clock::now() + kTokensReadEvery;
    }
    return table_;
}

void TokenBook::run() {
    bool well = true;
    while (true) {
        int64_t asks = 0;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, kTokensReadEvery, [this] {
                return stopping_ || asks_ > asks_answered_;
            });
            if (stopping_) {
                return;
            }
            asks = asks_;
        }
        const Status read = refresh();
        {
            const std::lock_guard lock(mutex_);
            asks_answered_ = asks;  // also where it failed: what was read before stays
        }
        answered_.notify_all();
        if (!read && well) {
            spdlog::warn("tokens cannot be read, the last ones stay: {}", read.error().message);
        }
        well = read.has_value();
    }
}

model::TokenText draw_token(model::TokenRole role) {
    model::TokenText out;
    out.role = role;
    // Eight bytes are thirteen characters, of which the last one holds four bits only.
    out.id = model::base32(random_bytes(8)).substr(0, model::kTokenIdCharacters);
    out.secret = model::base32(random_bytes(model::kTokenSecretBytes));
    return out;
}

std::string token_hash(const std::string& secret) {
    return sha256_hex(secret);
}

}  // namespace servo::server
