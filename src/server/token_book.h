// The tokens as committed, for letting callers in: a snapshot that is read again twice a second and
// after each change made here, so that a revocation holds within a second on every node.
// TokenBook is thread-safe; a table never changes.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/store.h"

namespace servo::server {

constexpr Millis kTokensReadEvery{500};

struct TokenTable {
    std::map<std::string, store::StoredToken, std::less<>> by_id;
    // An admin token was made once, be it live or not: nobody gets in without a token any more. An
    // expired last one must not open the door.
    bool closed = false;
};

class TokenBook {
 public:
    explicit TokenBook(store::Archive& archive);  // reads the tokens of all tenants
    ~TokenBook();                                 // stops

    // Reads once, then from a thread of its own. Error: the store's.
    Status start();
    void stop();
    // Reads now: afterwards the table has what was committed before the call. On an error what was
    // read before stays.
    Status refresh();
    std::shared_ptr<const TokenTable> table() const;

 private:
    void run();

    std::unique_ptr<store::History> history_;
    std::mutex refreshing_;  // from reading to keeping, so that no older read comes after a newer
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::shared_ptr<const TokenTable> table_;  // under mutex_
    bool stopping_ = false;                    // under mutex_
    std::thread thread_;
};

// A fresh id and secret from the system's random source.
model::TokenText draw_token(model::TokenRole role);
// What is kept of the secret.
std::string token_hash(const std::string& secret);

}  // namespace servo::server
