// The tokens as committed, for letting callers in: a snapshot that is read again twice a second and
// after each change made here, so that a revocation holds within a second on every node. What it
// lacks is looked for once before it is refused, so that a token made elsewhere is good at once as
// a rule. TokenBook is thread-safe; a table never changes.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/store.h"

namespace servo::server {

constexpr Millis kTokensReadEvery{500};
// Readings beside these, so that tokens that somebody guesses do not keep the store busy.
constexpr Millis kTokensSoughtEvery{250};
// For one of them, on the io thread: then the caller is refused, and none is waited for until the
// next one is due anyway.
constexpr Millis kTokensSoughtWait{25};

struct TokenTable {
    std::map<std::string, store::StoredToken, std::less<>> by_id;
    // An admin token was made once, be it live or not: nobody gets in without a token any more. An
    // expired last one must not open the door.
    bool closed = false;
    // The table as it is after one more reading, for an id that this one lacks; it may be the same
    // one. Null: there is nothing to read.
    std::function<std::shared_ptr<const TokenTable>()> newer = {};
};

class TokenBook {
 public:
    // Reads the tokens of all tenants. `sought_wait`: how long `newer` waits for its reading.
    explicit TokenBook(store::Archive& archive, Millis sought_wait = kTokensSoughtWait);
    ~TokenBook();  // stops

    // Reads once, then from a thread of its own. Error: the store's.
    Status start();
    void stop();
    // Reads now: afterwards the table has what was committed before the call. On an error what was
    // read before stays.
    Status refresh();
    // Its `newer` is good for as long as the book.
    std::shared_ptr<const TokenTable> table() const;

 private:
    void run();
    std::shared_ptr<const TokenTable> newer();

    std::unique_ptr<store::History> history_;
    const Millis sought_wait_;
    std::mutex refreshing_;  // from reading to keeping, so that no older read comes after a newer
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable answered_;
    std::shared_ptr<const TokenTable> table_;               // under mutex_
    bool stopping_ = false;                                 // under mutex_
    int64_t asks_ = 0;                                      // for a reading; under mutex_
    int64_t asks_answered_ = 0;                             // by one that began later; under mutex_
    std::chrono::steady_clock::time_point no_ask_until_{};  // under mutex_
    std::thread thread_;
};

// A fresh id and secret from the system's random source.
model::TokenText draw_token(model::TokenRole role);
// What is kept of the secret.
std::string token_hash(const std::string& secret);

}  // namespace servo::server
