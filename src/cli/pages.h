// Lists of the API put together from their pages.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>

#include "api/codec.h"
#include "api/page.h"
#include "base/result.h"

namespace servo::cli {

// Up to `limit` items of what `ask(query)` gives page by page; a next_page_token: there are more.
template <typename T, typename Query, typename Ask>
Result<api::List<T>> collect_pages(Query query, size_t limit, Ask&& ask) {
    api::List<T> all;
    for (;;) {
        query.limit = static_cast<int>(std::min<size_t>(api::kPageMax, limit - all.items.size()));
        api::List<T> page = SERVO_TRY(ask(query));
        std::move(page.items.begin(), page.items.end(), std::back_inserter(all.items));
        all.next_page_token = std::move(page.next_page_token);
        if (!all.next_page_token || all.items.size() >= limit) {
            return all;
        }
        query.page_token = *all.next_page_token;
    }
}

}  // namespace servo::cli
