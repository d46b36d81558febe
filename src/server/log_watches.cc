#include "server/log_watches.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/records.h"

namespace servo::server {

void LogWatches::expire(Millis now) {
    std::erase_if(watches_, [now](const auto& entry) {
        return now - entry.second.read_at > kLogWatchKept;
    });
    count_ = watches_.size();
}

Result<LogWatches::Reading> LogWatches::read(const Key& key, uint64_t offset, Millis now) {
    const std::lock_guard lock(mutex_);
    expire(now);
    auto found = watches_.find(key);
    if (found == watches_.end() && watches_.size() >= kLogWatchesMax) {
        Error error = resource_exhausted(
            "too_many_log_readers",
            fmt::format(
                "{} running partitions are being followed already; try again when fewer are, or "
                "read the log when this one has ended.",
                kLogWatchesMax
            )
        );
        error.retry_after_s = 5;
        return fail(std::move(error));
    }
    if (found == watches_.end() || offset < found->second.begin) {
        Watch fresh;
        fresh.begin = fresh.end = offset;
        found = watches_.insert_or_assign(key, std::move(fresh)).first;
        count_ = watches_.size();
    }
    Watch& watch = found->second;
    watch.read_at = now;
    Reading out;
    out.known = watch.known;
    out.next_offset = std::max(offset, watch.end);
    out.offset = out.next_offset;
    for (const model::LogChunk& chunk : watch.chunks) {
        if (chunk.next_offset <= offset) {
            continue;
        }
        // Text is as long as what was printed, unless a secret was taken out of it.
        const uint64_t fresh = std::min<uint64_t>(
            chunk.next_offset - std::max(offset, chunk.offset), chunk.text.size()
        );
        out.offset = std::min(out.offset, std::max(offset, chunk.offset));
        out.text +=
            chunk.offset >= offset ? chunk.text : chunk.text.substr(chunk.text.size() - fresh);
    }
    return out;
}

bool LogWatches::wanted_of(model::SessionId session, Millis now) {
    if (count_ == 0) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    expire(now);
    return !wishes_of(session).empty();
}

std::vector<model::LogWish> LogWatches::take(model::LogReport report, Millis now) {
    const std::lock_guard lock(mutex_);
    expire(now);
    for (model::LogChunk& chunk : report.chunks) {
        const auto found = watches_.find({report.session, chunk.lease, chunk.position});
        if (found != watches_.end()) {
            append(found->second, std::move(chunk));
        }
    }
    return wishes_of(report.session);
}

// What begins before the end is a repetition.
void LogWatches::append(Watch& watch, model::LogChunk&& chunk) {
    watch.known = true;
    if (chunk.offset < watch.end || chunk.next_offset <= chunk.offset) {
        return;
    }
    watch.end = chunk.next_offset;
    watch.bytes += chunk.text.size();
    watch.chunks.push_back(std::move(chunk));
    while (watch.bytes > model::kLogTailBytesMax && watch.chunks.size() > 1) {
        watch.bytes -= watch.chunks.front().text.size();
        watch.chunks.pop_front();
    }
}

std::vector<model::LogWish> LogWatches::wishes_of(model::SessionId session) const {
    std::vector<model::LogWish> out;
    for (auto watch = watches_.lower_bound({session, model::LeaseId(0), 0});
         watch != watches_.end() && watch->first.session == session &&
         out.size() < model::kLogWishesMax;
         ++watch) {
        out.push_back({watch->first.lease, watch->first.position, watch->second.end});
    }
    return out;
}

}  // namespace servo::server
