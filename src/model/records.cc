#include "model/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/assert.h"
#include "base/varint.h"

// Payload of a done-log row, codec 1:
//   version, flags (which optional columns follow), runs of indices relative to the block,
//   runs of equal (attempt, executor), start of the first entry,
//   columns: gap between an entry's start and the end of the one before, duration, and the optional
//   rows, bytes, max_rss_kb, cpu_us; CRC-32C in four bytes.
// A column is a base, a bit width, the values less the base packed at that width, and those that do
// not fit ("exceptions") as varints behind: a steady column costs almost nothing, a wild one no
// more than varints.

namespace servo::model {
namespace {

constexpr char kDoneCodec = 1;
constexpr size_t kChecksumBytes = 4;
constexpr int kWidthMax = 48;  // wider values are exceptions

struct OptionalColumn {
    int64_t DoneEntry::*member;
    uint64_t flag;
};
constexpr std::array<OptionalColumn, 4> kOptionalColumns = {{
    {&DoneEntry::rows, 1},
    {&DoneEntry::bytes, 2},
    {&DoneEntry::max_rss_kb, 4},
    {&DoneEntry::cpu_us, 8},
}};
constexpr uint64_t kKnownFlags = 15;

Error corrupt(std::string_view what) {
    return internal("corrupt_payload", fmt::format("A done-log row is damaged: {}.", what));
}

// Whole ms that an entry lasted; the next one's start is told relative to its end.
int64_t whole_ms(int64_t duration_us) {
    return duration_us / 1'000;
}

int64_t wrapping_add(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t wrapping_subtract(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// --- columns -----------------------------------------------------------------------------------

// Bytes of put_signed_varint.
uint64_t signed_varint_bytes(uint64_t value) {
    const uint64_t magnitude = (value << 1) ^ (value >> 63 != 0 ? ~uint64_t{0} : uint64_t{0});
    return (static_cast<uint64_t>(std::bit_width(magnitude | 1)) + 6) / 7;
}

// Near the small end, so that a few low outliers do not widen all others.
int64_t column_base(std::vector<int64_t> values) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 64);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

// The width with the fewest bytes in all. All ones marks an exception.
int best_width(const std::vector<uint64_t>& offsets) {
    std::array<uint64_t, 65> exception_bytes{};  // by the least width that holds the value
    for (const uint64_t offset : offsets) {
        const uint64_t width =
            offset == ~uint64_t{0} ? 64 : static_cast<uint64_t>(std::bit_width(offset + 1));
        exception_bytes[width] += signed_varint_bytes(offset);
    }
    uint64_t exceptions = 0;
    uint64_t best_bits = ~uint64_t{0};
    int best = kWidthMax;
    for (int width = 64; width >= 1; --width) {
        if (width <= kWidthMax) {
            const uint64_t bits = static_cast<uint64_t>(width) * offsets.size() + 8 * exceptions;
            if (bits <= best_bits) {
                best_bits = bits;
                best = width;
            }
        }
        exceptions += exception_bytes[static_cast<size_t>(width)];
    }
    return best;
}

constexpr uint64_t mask_of(int width) {
    return (uint64_t{1} << width) - 1;
}

void put_column(std::string& out, const std::vector<int64_t>& values) {
    const int64_t base = column_base(values);
    std::vector<uint64_t> offsets;
    offsets.reserve(values.size());
    for (const int64_t value : values) {
        offsets.push_back(static_cast<uint64_t>(value) - static_cast<uint64_t>(base));
    }
    // Width 0 leaves no room for a mark and means that all values equal the base.
    const bool constant =
        std::all_of(offsets.begin(), offsets.end(), [](uint64_t o) { return o == 0; });
    const int width = constant ? 0 : best_width(offsets);
    put_signed_varint(out, base);
    out.push_back(static_cast<char>(width));
    if (constant) {
        return;
    }
    const uint64_t mark = mask_of(width);
    std::string exceptions;
    uint64_t pending = 0;
    int pending_bits = 0;
    for (const uint64_t offset : offsets) {
        if (offset >= mark) {
            put_signed_varint(exceptions, static_cast<int64_t>(offset));
        }
        pending |= std::min(offset, mark) << pending_bits;
        for (pending_bits += width; pending_bits >= 8; pending_bits -= 8) {
            out.push_back(static_cast<char>(pending & 0xff));
            pending >>= 8;
        }
    }
    if (pending_bits > 0) {
        out.push_back(static_cast<char>(pending & 0xff));
    }
    out += exceptions;
}

Result<std::vector<int64_t>> read_column(std::string_view& rest, size_t count) {
    VarintReader head(rest);
    const int64_t base = SERVO_TRY(head.next_signed());
    rest = head.rest();
    if (rest.empty() || static_cast<unsigned char>(rest.front()) > kWidthMax) {
        return fail(corrupt("a column has no valid width"));
    }
    const int width = rest.front();
    rest.remove_prefix(1);
    const size_t packed_bytes = (static_cast<size_t>(width) * count + 7) / 8;
    if (packed_bytes > rest.size()) {
        return fail(corrupt("a column is cut off"));
    }
    std::vector<int64_t> values(count, base);
    if (width == 0) {
        return values;
    }
    const std::string_view packed = rest.substr(0, packed_bytes);
    VarintReader exceptions(rest.substr(packed_bytes));
    const uint64_t mark = mask_of(width);
    uint64_t pending = 0;
    int pending_bits = 0;
    size_t at = 0;
    for (int64_t& value : values) {
        for (; pending_bits < width; pending_bits += 8) {
            pending |= uint64_t{static_cast<unsigned char>(packed[at++])} << pending_bits;
        }
        const uint64_t field = pending & mark;
        pending >>= width;
        pending_bits -= width;
        const int64_t offset =
            field == mark ? SERVO_TRY(exceptions.next_signed()) : static_cast<int64_t>(field);
        value = wrapping_add(base, offset);
    }
    rest = exceptions.rest();
    return values;
}

// --- runs --------------------------------------------------------------------------------------

void put_indices(std::string& out, const std::vector<DoneEntry>& entries, uint64_t block) {
    std::vector<Run> runs;
    for (const DoneEntry& entry : entries) {
        if (!runs.empty() && runs.back().end == entry.index) {
            ++runs.back().end;
        } else {
            SERVO_ASSERT(runs.empty() || entry.index > runs.back().end);
            runs.push_back({entry.index, entry.index + 1});
        }
    }
    SERVO_ASSERT(
        runs.empty() || (runs.front().first / kDoneBlockSize == block &&
                         (runs.back().end - 1) / kDoneBlockSize == block)
    );
    put_varint(out, runs.size());
    Index reached = block * kDoneBlockSize;
    for (const Run& run : runs) {
        put_varint(out, run.first - reached);
        put_varint(out, run.size());
        reached = run.end;
    }
}

Result<std::vector<DoneEntry>> read_indices(VarintReader& in, uint64_t block) {
    std::vector<DoneEntry> entries;
    const uint64_t runs = SERVO_TRY(in.next());
    uint64_t reached = 0;  // within the block
    for (uint64_t i = 0; i < runs; ++i) {
        const uint64_t gap = SERVO_TRY(in.next());
        const uint64_t length = SERVO_TRY(in.next());
        if (length == 0 || gap > kDoneBlockSize || length > kDoneBlockSize ||
            reached + gap + length > kDoneBlockSize) {
            return fail(corrupt("an index lies outside its block"));
        }
        for (uint64_t k = 0; k < length; ++k) {
            entries.emplace_back().index = block * kDoneBlockSize + reached + gap + k;
        }
        reached += gap + length;
    }
    return entries;
}

void put_origins(std::string& out, const std::vector<DoneEntry>& entries) {
    std::string runs;
    uint64_t count = 0;
    for (size_t i = 0; i < entries.size();) {
        size_t end = i + 1;
        while (end < entries.size() && entries[end].attempt == entries[i].attempt &&
               entries[end].executor == entries[i].executor) {
            ++end;
        }
        put_signed_varint(runs, entries[i].attempt);
        put_signed_varint(runs, entries[i].executor.value);
        put_varint(runs, end - i);
        ++count;
        i = end;
    }
    put_varint(out, count);
    out += runs;
}

Status read_origins(VarintReader& in, std::vector<DoneEntry>& entries) {
    const uint64_t runs = SERVO_TRY(in.next());
    size_t at = 0;
    for (uint64_t i = 0; i < runs; ++i) {
        const int64_t attempt = SERVO_TRY(in.next_signed());
        const int64_t executor = SERVO_TRY(in.next_signed());
        const uint64_t length = SERVO_TRY(in.next());
        if (length == 0 || length > entries.size() - at) {
            return fail(corrupt("attempts do not match the indices"));
        }
        for (const size_t end = at + length; at < end; ++at) {
            entries[at].attempt = static_cast<int>(attempt);
            entries[at].executor = ExecutorId(executor);
        }
    }
    if (at != entries.size()) {
        return fail(corrupt("attempts do not match the indices"));
    }
    return {};
}

// --- the row -----------------------------------------------------------------------------------

void put_times(std::string& out, const std::vector<DoneEntry>& entries) {
    std::vector<int64_t> gaps;
    std::vector<int64_t> durations;
    gaps.reserve(entries.size());
    durations.reserve(entries.size());
    int64_t reached = to_ms(entries.front().started_at);
    put_signed_varint(out, reached);
    for (const DoneEntry& entry : entries) {
        const int64_t started = to_ms(entry.started_at);
        gaps.push_back(wrapping_subtract(started, reached));
        durations.push_back(entry.duration.count());
        reached = wrapping_add(started, whole_ms(durations.back()));
    }
    put_column(out, gaps);
    put_column(out, durations);
}

Status read_times(std::string_view& rest, std::vector<DoneEntry>& entries) {
    VarintReader in(rest);
    int64_t reached = SERVO_TRY(in.next_signed());
    rest = in.rest();
    const std::vector<int64_t> gaps = SERVO_TRY(read_column(rest, entries.size()));
    const std::vector<int64_t> durations = SERVO_TRY(read_column(rest, entries.size()));
    for (size_t i = 0; i < entries.size(); ++i) {
        const int64_t started = wrapping_add(reached, gaps[i]);
        entries[i].started_at = instant_ms(started);
        entries[i].duration = Micros(durations[i]);
        reached = wrapping_add(started, whole_ms(durations[i]));
    }
    return {};
}

// Strips the checksum after checking it.
Result<std::string_view> checked_body(std::string_view bytes) {
    if (bytes.size() < kChecksumBytes + 1) {
        return fail(corrupt("it is too short"));
    }
    const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
    uint32_t stored = 0;
    for (size_t i = 0; i < kChecksumBytes; ++i) {
        stored |= uint32_t{static_cast<unsigned char>(bytes[body.size() + i])} << (8 * i);
    }
    if (stored != crc32c(body)) {
        return fail(corrupt("the checksum does not match"));
    }
    if (body.front() != kDoneCodec) {
        return fail(corrupt("unknown codec version"));
    }
    return body.substr(1);
}

constexpr std::array<std::string_view, 4> kOutcomeNames = {
    "succeeded", "failed", "skipped", "missing"};

}  // namespace

std::string encode_done(const std::vector<DoneEntry>& entries, uint64_t block) {
    std::string out(1, kDoneCodec);
    uint64_t flags = 0;
    for (const OptionalColumn& column : kOptionalColumns) {
        const auto present = [&](const DoneEntry& entry) { return entry.*column.member != -1; };
        if (std::any_of(entries.begin(), entries.end(), present)) {
            flags |= column.flag;
        }
    }
    put_varint(out, flags);
    put_indices(out, entries, block);
    if (!entries.empty()) {
        put_origins(out, entries);
        put_times(out, entries);
    }
    for (const OptionalColumn& column : kOptionalColumns) {
        if ((flags & column.flag) != 0) {
            std::vector<int64_t> values;
            values.reserve(entries.size());
            for (const DoneEntry& entry : entries) {
                values.push_back(entry.*column.member);
            }
            put_column(out, values);
        }
    }
    const uint32_t checksum = crc32c(out);
    for (size_t i = 0; i < kChecksumBytes; ++i) {
        out.push_back(static_cast<char>((checksum >> (8 * i)) & 0xff));
    }
    return out;
}

Result<std::vector<DoneEntry>> decode_done(std::string_view bytes, uint64_t block) {
    VarintReader in(SERVO_TRY(checked_body(bytes)));
    const uint64_t flags = SERVO_TRY(in.next());
    if ((flags & ~kKnownFlags) != 0) {
        return fail(corrupt("it has columns that this version does not know"));
    }
    std::vector<DoneEntry> entries = SERVO_TRY(read_indices(in, block));
    std::string_view rest = in.rest();
    if (!entries.empty()) {
        SERVO_CHECK(read_origins(in, entries));
        rest = in.rest();
        SERVO_CHECK(read_times(rest, entries));
    }
    for (const OptionalColumn& column : kOptionalColumns) {
        if ((flags & column.flag) != 0) {
            const std::vector<int64_t> values = SERVO_TRY(read_column(rest, entries.size()));
            for (size_t i = 0; i < entries.size(); ++i) {
                entries[i].*column.member = values[i];
            }
        }
    }
    if (!rest.empty()) {
        return fail(corrupt("bytes are left over"));
    }
    return entries;
}

std::string_view to_string(Outcome outcome) {
    return kOutcomeNames[static_cast<size_t>(outcome)];
}

std::optional<Outcome> outcome_from(std::string_view name) {
    for (size_t i = 0; i < kOutcomeNames.size(); ++i) {
        if (kOutcomeNames[i] == name) {
            return static_cast<Outcome>(i);
        }
    }
    return std::nullopt;
}

}  // namespace servo::model
