#include "executor/log_feed.h"

#include <algorithm>

namespace servo::executor {

void LogFeed::wanted() {
    wanted_ = !under_way_ && wishes_.empty();
}

void LogFeed::on_reply(Result<std::vector<model::LogWish>> wishes, Micros now) {
    under_way_ = false;
    wishes_ = wishes ? std::move(*wishes) : std::vector<model::LogWish>();
    replied_at_ = now;
    unanswered_.clear();
    chunks_.clear();
    std::erase_if(told_, [this](const Place& place) {
        return std::none_of(wishes_.begin(), wishes_.end(), [&](const model::LogWish& wish) {
            return Place(wish.lease, wish.position) == place;
        });
    });
}

std::vector<LogFeed::Ask> LogFeed::take_asks(Micros now) {
    std::vector<Ask> out;
    if (under_way_ || wishes_.empty() || now < next_due()) {
        return out;
    }
    asked_at_ = now;
    unanswered_.clear();
    chunks_.clear();
    for (const model::LogWish& wish : wishes_) {
        unanswered_[++last_id_] = wish;
        out.push_back({last_id_, wish});
    }
    return out;
}

void LogFeed::on_answer(uint64_t id, std::optional<LogTailBuffer::Piece> piece, Micros now) {
    const auto asked = unanswered_.find(id);
    if (asked == unanswered_.end()) {
        return;  // of an earlier round
    }
    if (piece) {
        const model::LogWish& wish = asked->second;
        chunks_.push_back(
            {wish.lease, wish.position, piece->begin, piece->end, std::move(piece->text)}
        );
    }
    unanswered_.erase(asked);
    if (unanswered_.empty() && !news() && now - replied_at_ < kLogRenewAfter) {
        chunks_.clear();  // nothing to say; the next round asks again
    }
}

bool LogFeed::news() const {
    return std::any_of(chunks_.begin(), chunks_.end(), [this](const model::LogChunk& chunk) {
        return !chunk.text.empty() || !told_.contains({chunk.lease, chunk.position});
    });
}

std::optional<std::vector<model::LogChunk>> LogFeed::take_report(Micros now) {
    if (under_way_) {
        return std::nullopt;
    }
    const bool answered = unanswered_.empty() || now - asked_at_ >= kLogAnswerWait;
    const bool renew = !wishes_.empty() && now - replied_at_ >= kLogRenewAfter;
    if (!wanted_ && !(answered && (news() || renew))) {
        return std::nullopt;
    }
    wanted_ = false;
    under_way_ = true;
    unanswered_.clear();
    for (const model::LogChunk& chunk : chunks_) {
        told_.insert({chunk.lease, chunk.position});
    }
    return std::exchange(chunks_, {});
}

Micros LogFeed::next_due() const {
    if (under_way_ || wishes_.empty()) {
        return Micros::max();
    }
    if (!unanswered_.empty()) {
        return asked_at_ + kLogAnswerWait;
    }
    return asked_at_ + kLogAskEvery;
}

}  // namespace servo::executor
