#include "model/run_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/varint.h"

namespace servo::model {
namespace {

constexpr char kCodec = 1;
// Up to this many runs of the other operand, one binary search each beats a full merge.
constexpr size_t kFewRuns = 8;

using RunIterator = std::vector<Run>::const_iterator;

// The first run that ends after `index`.
RunIterator first_ending_after(const std::vector<Run>& runs, Index index) {
    return std::upper_bound(runs.begin(), runs.end(), index, [](Index value, const Run& run) {
        return value < run.end;
    });
}

Error corrupt(std::string_view what) {
    return internal("corrupt_payload", fmt::format("A packed set of runs is damaged: {}.", what));
}

// Appends `run`, whose first is not before the first of any run in `runs`, joining it with the
// last.
void append_joined(std::vector<Run>& runs, Run run) {
    if (!runs.empty() && run.first <= runs.back().end) {
        runs.back().end = std::max(runs.back().end, run.end);
    } else {
        runs.push_back(run);
    }
}

uint64_t total(const std::vector<Run>& runs) {
    uint64_t sum = 0;
    for (const Run& run : runs) {
        sum += run.size();
    }
    return sum;
}

}  // namespace

bool RunSet::contains(Index index) const {
    const auto it = first_ending_after(runs_, index);
    return it != runs_.end() && it->first <= index;
}

bool RunSet::intersects(Run run) const {
    if (run.first >= run.end) {
        return false;
    }
    const auto it = first_ending_after(runs_, run.first);
    return it != runs_.end() && it->first < run.end;
}

void RunSet::add(Run run) {
    if (run.first >= run.end) {
        return;
    }
    // [touched, past) are the runs that overlap or touch the new one.
    const auto touched = std::lower_bound(
        runs_.begin(), runs_.end(), run.first, [](const Run& r, Index v) { return r.end < v; }
    );
    const auto past = std::upper_bound(touched, runs_.end(), run.end, [](Index v, const Run& r) {
        return v < r.first;
    });
    if (touched == past) {
        size_ += run.size();
        runs_.insert(touched, run);
        return;
    }
    uint64_t covered = 0;
    for (auto it = touched; it != past; ++it) {
        covered += it->size();
    }
    touched->first = std::min(touched->first, run.first);
    touched->end = std::max(std::prev(past)->end, run.end);
    size_ += touched->size() - covered;
    runs_.erase(std::next(touched), past);
}

void RunSet::add(const RunSet& other) {
    if (other.runs_.size() <= kFewRuns) {
        for (const Run& run : std::vector<Run>(other.runs_)) {  // a copy: `other` may be this set
            add(run);
        }
        return;
    }
    std::vector<Run> merged;
    merged.reserve(runs_.size() + other.runs_.size());
    auto a = runs_.begin();
    auto b = other.runs_.begin();
    while (a != runs_.end() || b != other.runs_.end()) {
        const bool from_a = b == other.runs_.end() || (a != runs_.end() && a->first <= b->first);
        append_joined(merged, from_a ? *a++ : *b++);
    }
    runs_ = std::move(merged);
    size_ = total(runs_);
}

void RunSet::subtract(Run run) {
    if (!intersects(run)) {
        return;
    }
    const auto first = runs_.begin() + (first_ending_after(runs_, run.first) - runs_.cbegin());
    const auto past = std::lower_bound(first, runs_.end(), run.end, [](const Run& r, Index v) {
        return r.first < v;
    });
    const Run left{first->first, std::min(first->end, run.first)};
    const Run right{std::max(std::prev(past)->first, run.end), std::prev(past)->end};
    for (auto it = first; it != past; ++it) {
        size_ -= it->size();
    }
    std::vector<Run> kept;
    for (const Run& part : {left, right}) {
        if (part.first < part.end) {
            kept.push_back(part);
            size_ += part.size();
        }
    }
    // At most one run more than was there: overwrite in place where possible.
    const size_t room = static_cast<size_t>(past - first);
    const size_t reused = std::min(room, kept.size());
    std::copy_n(kept.begin(), reused, first);
    if (reused < room) {
        runs_.erase(first + static_cast<std::ptrdiff_t>(reused), past);
    } else if (reused < kept.size()) {
        runs_.insert(past, kept.back());
    }
}

void RunSet::subtract(const RunSet& other) {
    if (other.runs_.size() <= kFewRuns) {
        for (const Run& run : std::vector<Run>(other.runs_)) {
            subtract(run);
        }
        return;
    }
    std::vector<Run> kept;
    auto b = other.runs_.begin();
    for (Run rest : runs_) {
        while (b != other.runs_.end() && b->end <= rest.first) {
            ++b;
        }
        for (auto cut = b; cut != other.runs_.end() && cut->first < rest.end; ++cut) {
            if (rest.first < cut->first) {
                kept.push_back({rest.first, cut->first});
            }
            rest.first = std::min(cut->end, rest.end);
        }
        if (rest.first < rest.end) {
            kept.push_back(rest);
        }
    }
    runs_ = std::move(kept);
    size_ = total(runs_);
}

RunSet RunSet::take_front(uint64_t count, size_t runs_max) {
    RunSet taken;
    size_t whole = 0;  // runs that leave this set completely
    while (count > 0 && whole < runs_.size() && taken.runs_.size() < runs_max) {
        Run& run = runs_[whole];
        if (run.size() > count) {
            taken.runs_.push_back({run.first, run.first + count});
            run.first += count;
            taken.size_ += count;
            break;
        }
        taken.runs_.push_back(run);
        taken.size_ += run.size();
        count -= run.size();
        ++whole;
    }
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(whole));
    size_ -= taken.size_;
    return taken;
}

RunSet RunSet::intersection(Run run) const {
    RunSet out;
    if (run.first >= run.end) {
        return out;
    }
    for (auto it = first_ending_after(runs_, run.first); it != runs_.end() && it->first < run.end;
         ++it) {
        out.runs_.push_back({std::max(it->first, run.first), std::min(it->end, run.end)});
    }
    out.size_ = total(out.runs_);
    return out;
}

Index RunSet::at(uint64_t position) const {
    SERVO_ASSERT(position < size_);
    auto it = runs_.begin();
    while (position >= it->size()) {
        position -= it->size();
        ++it;
    }
    return it->first + position;
}

std::string RunSet::encode() const {
    std::string out(1, kCodec);
    put_varint(out, runs_.size());
    Index reached = 0;
    for (const Run& run : runs_) {
        put_varint(out, run.first - reached);
        put_varint(out, run.size());
        reached = run.end;
    }
    return out;
}

Result<RunSet> RunSet::decode(std::string_view bytes) {
    if (bytes.empty() || bytes.front() != kCodec) {
        return fail(corrupt("unknown codec version"));
    }
    VarintReader in(bytes.substr(1));
    const uint64_t count = SERVO_TRY(in.next());
    if (count > bytes.size() / 2) {  // two bytes a run at least
        return fail(corrupt("more runs announced than bytes can hold"));
    }
    RunSet out;
    out.runs_.reserve(count);
    Index reached = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t gap = SERVO_TRY(in.next());
        const uint64_t length = SERVO_TRY(in.next());
        const uint64_t room = std::numeric_limits<Index>::max() - reached;
        if (length == 0 || (gap == 0 && i > 0) || gap > room || length > room - gap) {
            return fail(corrupt("a run is empty, touches the one before or is out of range"));
        }
        out.runs_.push_back({reached + gap, reached + gap + length});
        out.size_ += length;
        reached = out.runs_.back().end;
    }
    if (!in.done()) {
        return fail(corrupt("bytes are left over"));
    }
    return out;
}

std::string RunSet::to_string() const {
    std::string out;
    for (const Run& run : runs_) {
        if (!out.empty()) {
            out += ',';
        }
        out += run.size() == 1 ? fmt::format("{}", run.first)
                               : fmt::format("{}-{}", run.first, run.end - 1);
    }
    return out;
}

}  // namespace servo::model
