#include "executor/slot_wire.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/varint.h"

namespace servo::executor {
namespace wire {
namespace {

void put(std::string& out, uint64_t value) {
    put_varint(out, value);
}
void put_signed(std::string& out, int64_t value) {
    put_signed_varint(out, value);
}
void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}
template <typename Tag, typename Rep>
void put_id(std::string& out, StrongId<Tag, Rep> id) {
    put_signed_varint(out, id.value);
}

// Reads fields; after the first bad one every read yields zero and ok() is false.
class Fields {
 public:
    explicit Fields(std::string_view body) : reader_(body) {}

    bool ok() const { return ok_; }
    uint64_t number() { return take(reader_.next()); }
    int64_t signed_number() { return take(reader_.next_signed()); }
    template <typename Int>
    Int as() {
        return static_cast<Int>(signed_number());
    }
    std::string text() {
        const uint64_t size = number();
        const std::string_view rest = reader_.rest();
        if (!ok_ || size > rest.size()) {
            ok_ = false;
            return {};
        }
        std::string result(rest.substr(0, size));
        reader_ = VarintReader(rest.substr(size));
        return result;
    }
    // Number of list elements; each takes at least one byte.
    size_t count() {
        const uint64_t value = number();
        ok_ = ok_ && value <= reader_.rest().size();
        return ok_ ? value : 0;
    }
    bool at_end() const { return ok_ && reader_.done(); }

 private:
    template <typename T>
    T take(Result<T> value) {
        ok_ = ok_ && value.has_value();
        return ok_ ? *value : T{};
    }

    VarintReader reader_;
    bool ok_ = true;
};

// Writes the length when the frame is complete.
class Frame {
 public:
    Frame(std::string& out, size_t type) : out_(out), start_(out.size()) {
        out_.append(4, '\0');
        out_.push_back(static_cast<char>(type));
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() {
        const size_t size = out_.size() - start_ - 4;
        for (size_t i = 0; i < 4; ++i) {
            out_[start_ + i] = static_cast<char>((size >> (8 * i)) & 0xff);
        }
    }

 private:
    std::string& out_;
    size_t start_;
};

// A message's type byte is its place in the variant.
template <typename T, typename Variant, size_t I = 0>
constexpr size_t type_of() {
    if constexpr (std::is_same_v<T, std::variant_alternative_t<I, Variant>>) {
        return I;
    } else {
        return type_of<T, Variant, I + 1>();
    }
}
template <typename T>
constexpr size_t kToSlotType = type_of<T, ToSlot>();

void put_body(std::string& out, const Hello& hello) {
    put_signed(out, hello.slot);
    put_text(out, hello.scratch_prefix);
    put_text(out, hello.code_dir);
    put_text(out, hello.cgroup);
    put(out, hello.allow_shell ? 1 : 0);
    put_signed(out, hello.kill_grace.count());
}
void get_body(Fields& in, Hello& hello) {
    hello.slot = in.as<int>();
    hello.scratch_prefix = in.text();
    hello.code_dir = in.text();
    hello.cgroup = in.text();
    hello.allow_shell = in.number() != 0;
    hello.kill_grace = Millis(in.signed_number());
}

void put_definition(std::string& out, const model::Definition& definition) {
    put_id(out, definition.asset);
    put_signed(out, definition.revision);
    put_text(out, definition.code_dir);
    put_text(out, model::encode_asset(definition.spec));
}
void put_body(std::string& out, const Define& define) {
    put_definition(out, define.definition);
}
void get_body(Fields& in, Define& define) {
    define.definition.asset = model::AssetId(in.signed_number());
    define.definition.revision = in.as<int>();
    define.definition.code_dir = in.text();
    // The empty spec of a definition that does not decode fails its partitions, not the slot.
    auto spec = model::decode_asset(in.text());
    if (spec) {
        define.definition.spec = *std::move(spec);
    }
}

void put_grant(std::string& out, const model::Grant& grant) {
    put_signed(out, grant.number);
    put_id(out, grant.lease);
    put_signed(out, grant.token_base);
    put_id(out, grant.job);
    put_signed(out, grant.generation);
    put_signed(out, grant.attempt);
    put_id(out, grant.tenant);
    put_text(out, grant.tenant_name);
    put_id(out, grant.asset);
    put_signed(out, grant.revision);
    put(out, grant.runs.size());
    for (const model::Run& run : grant.runs) {
        put(out, run.first);
        put(out, run.end);
    }
    put(out, grant.ordinals.size());
    for (const model::OrdinalRun& run : grant.ordinals) {
        put_signed(out, run.first);
        put(out, run.count);
        put_signed(out, run.stride);
    }
    put(out, grant.reversed ? 1 : 0);
    put_signed(out, grant.timeout.count());
    put_signed(out, grant.memory_bytes);
    put(out, grant.suspect ? 1 : 0);
    put_text(out, grant.traceparent);
}
void get_grant(Fields& in, model::Grant& grant) {
    grant.number = in.signed_number();
    grant.lease = model::LeaseId(in.signed_number());
    grant.token_base = in.signed_number();
    grant.job = model::JobId(in.signed_number());
    grant.generation = in.as<int>();
    grant.attempt = in.as<int>();
    grant.tenant = model::TenantId(in.signed_number());
    grant.tenant_name = in.text();
    grant.asset = model::AssetId(in.signed_number());
    grant.revision = in.as<int>();
    grant.runs.resize(in.count());
    for (model::Run& run : grant.runs) {
        run.first = in.number();
        run.end = in.number();
    }
    grant.ordinals.resize(in.count());
    for (model::OrdinalRun& run : grant.ordinals) {
        run.first = in.signed_number();
        run.count = in.number();
        run.stride = in.signed_number();
    }
    grant.reversed = in.number() != 0;
    grant.timeout = Millis(in.signed_number());
    grant.memory_bytes = in.signed_number();
    grant.suspect = in.number() != 0;
    grant.traceparent = in.text();
}

void put_body(std::string& out, const Feed& feed) {
    put(out, feed.first_position);
    put_grant(out, feed.grant);
}
void get_body(Fields& in, Feed& feed) {
    feed.first_position = in.number();
    get_grant(in, feed.grant);
}

void put_body(std::string& out, const Trim& trim) {
    put_id(out, trim.lease);
    put(out, trim.size);
}
void get_body(Fields& in, Trim& trim) {
    trim.lease = model::LeaseId(in.signed_number());
    trim.size = in.number();
}
void put_body(std::string& out, const Resume& resume) {
    put_id(out, resume.lease);
}
void get_body(Fields& in, Resume& resume) {
    resume.lease = model::LeaseId(in.signed_number());
}
void put_body(std::string& out, const Kill& kill) {
    put_id(out, kill.lease);
}
void get_body(Fields& in, Kill& kill) {
    kill.lease = model::LeaseId(in.signed_number());
}
void put_body(std::string& out, const StopAt& stop) {
    put_signed(out, stop.boot.count());
}
void get_body(Fields& in, StopAt& stop) {
    stop.boot = Millis(in.signed_number());
}
void put_body(std::string& out, const AskLog& ask) {
    put(out, ask.id);
    put_id(out, ask.lease);
    put(out, ask.position);
    put(out, ask.offset);
}
void get_body(Fields& in, AskLog& ask) {
    ask.id = in.number();
    ask.lease = model::LeaseId(in.signed_number());
    ask.position = in.number();
    ask.offset = in.number();
}

void put_body(std::string&, const Ready&) {}
void get_body(Fields&, Ready&) {}

void put_log(std::string& out, const model::LogTail& log) {
    put(out, log.position);
    put(out, log.bytes_total);
    put_text(out, log.tail);
}
model::LogTail get_log(Fields& in) {
    model::LogTail log;
    log.position = in.number();
    log.bytes_total = in.number();
    log.tail = in.text();
    return log;
}

void put_done(std::string& out, const model::DoneResult& done) {
    put(out, done.position);
    put_signed(out, to_ms(done.started_at));
    put_signed(out, done.duration.count());
    put_signed(out, done.rows);
    put_signed(out, done.bytes);
    put_signed(out, done.max_rss_kb);
    put_signed(out, done.cpu_us);
}
model::DoneResult get_done(Fields& in) {
    model::DoneResult done;
    done.position = in.number();
    done.started_at = instant_ms(in.signed_number());
    done.duration = Micros(in.signed_number());
    done.rows = in.signed_number();
    done.bytes = in.signed_number();
    done.max_rss_kb = in.signed_number();
    done.cpu_us = in.signed_number();
    return done;
}

void put_failed(std::string& out, const model::FailedResult& failed) {
    put(out, failed.position);
    put_signed(out, to_ms(failed.started_at));
    put_signed(out, failed.duration.count());
    put_text(out, model::to_string(failed.klass));
    put_signed(out, failed.exit_code);
    put_text(out, failed.message);
    put_signed(out, failed.retry_after.count());
    put_text(out, failed.pool);
    put_signed(out, failed.max_rss_kb);
    put_signed(out, failed.cpu_us);
}
model::FailedResult get_failed(Fields& in) {
    model::FailedResult failed;
    failed.position = in.number();
    failed.started_at = instant_ms(in.signed_number());
    failed.duration = Micros(in.signed_number());
    failed.klass = model::failure_class_from(in.text()).value_or(model::FailureClass::kError);
    failed.exit_code = in.as<int>();
    failed.message = in.text();
    failed.retry_after = Millis(in.signed_number());
    failed.pool = in.text();
    failed.max_rss_kb = in.signed_number();
    failed.cpu_us = in.signed_number();
    return failed;
}

void put_phases(std::string& out, const model::PhaseTimes& phases) {
    put(out, phases.position);
    for (const int64_t us : phases.us) {
        put_signed(out, us);
    }
}
model::PhaseTimes get_phases(Fields& in) {
    model::PhaseTimes phases;
    phases.position = in.number();
    for (int64_t& us : phases.us) {
        us = in.signed_number();
    }
    return phases;
}

void put_body(std::string& out, const SlotProgress& progress) {
    put_id(out, progress.lease);
    put(out, progress.started);
    put(out, progress.results.done.size());
    for (const model::DoneResult& done : progress.results.done) {
        put_done(out, done);
    }
    put(out, progress.results.failed.size());
    for (const model::FailedResult& failed : progress.results.failed) {
        put_failed(out, failed);
    }
    put(out, progress.results.logs.size());
    for (const model::LogTail& log : progress.results.logs) {
        put_log(out, log);
    }
    put(out, progress.results.phases.size());
    for (const model::PhaseTimes& phases : progress.results.phases) {
        put_phases(out, phases);
    }
}
void get_body(Fields& in, SlotProgress& progress) {
    progress.lease = model::LeaseId(in.signed_number());
    progress.started = in.number();
    progress.results.lease = progress.lease;
    for (size_t count = in.count(); count > 0 && in.ok(); --count) {
        progress.results.done.push_back(get_done(in));
    }
    for (size_t count = in.count(); count > 0 && in.ok(); --count) {
        progress.results.failed.push_back(get_failed(in));
    }
    for (size_t count = in.count(); count > 0 && in.ok(); --count) {
        progress.results.logs.push_back(get_log(in));
    }
    for (size_t count = in.count(); count > 0 && in.ok(); --count) {
        progress.results.phases.push_back(get_phases(in));
    }
}

void put_body(std::string& out, const SlotTrimmed& trimmed) {
    put_id(out, trimmed.lease);
    put(out, trimmed.size);
}
void get_body(Fields& in, SlotTrimmed& trimmed) {
    trimmed.lease = model::LeaseId(in.signed_number());
    trimmed.size = in.number();
}
void put_body(std::string& out, const LogAnswer& answer) {
    put(out, answer.id);
    put(out, answer.piece ? 1 : 0);
    if (answer.piece) {
        put(out, answer.piece->begin);
        put(out, answer.piece->end);
        put_text(out, answer.piece->text);
    }
}
void get_body(Fields& in, LogAnswer& answer) {
    answer.id = in.number();
    if (in.number() != 0) {
        auto& piece = answer.piece.emplace();
        piece.begin = in.number();
        piece.end = in.number();
        piece.text = in.text();
    }
}
void put_body(std::string& out, const Notice& notice) {
    put_text(out, notice.text);
}
void get_body(Fields& in, Notice& notice) {
    notice.text = in.text();
}

template <typename Variant>
void encode_variant(std::string& out, const Variant& message) {
    const Frame frame(out, message.index());
    std::visit([&out](const auto& body) { put_body(out, body); }, message);
}

template <typename Variant, size_t I = 0>
Result<Variant> decode_variant(std::string_view body) {
    if constexpr (I == std::variant_size_v<Variant>) {
        return fail(internal("corrupt_payload", "a slot message has an unknown type"));
    } else {
        if (body.empty() || static_cast<unsigned char>(body[0]) != I) {
            return decode_variant<Variant, I + 1>(body);
        }
        Fields in(body.substr(1));
        std::variant_alternative_t<I, Variant> message{};
        get_body(in, message);
        if (!in.at_end()) {
            return fail(internal("corrupt_payload", "a slot message does not decode"));
        }
        return Variant(std::in_place_index<I>, std::move(message));
    }
}

}  // namespace

void encode(std::string& out, const ToSlot& message) {
    encode_variant(out, message);
}
void encode(std::string& out, const FromSlot& message) {
    encode_variant(out, message);
}

void encode_feed(std::string& out, uint64_t first_position, const model::Grant& grant) {
    const Frame frame(out, kToSlotType<Feed>);
    put(out, first_position);
    put_grant(out, grant);
}

void encode_define(std::string& out, const model::Definition& definition) {
    const Frame frame(out, kToSlotType<Define>);
    put_definition(out, definition);
}

Result<ToSlot> decode_to_slot(std::string_view body) {
    return decode_variant<ToSlot>(body);
}
Result<FromSlot> decode_from_slot(std::string_view body) {
    return decode_variant<FromSlot>(body);
}

}  // namespace wire

bool FrameReader::fill(int fd) {
    if (used_ > 0) {
        buffer_.erase(0, used_);
        used_ = 0;
    }
    constexpr size_t kChunk = 64 * 1024;
    const size_t before = buffer_.size();
    buffer_.resize(before + kChunk);
    const ssize_t got = ::recv(fd, buffer_.data() + before, kChunk, MSG_DONTWAIT);
    const int error_number = errno;
    buffer_.resize(before + static_cast<size_t>(got > 0 ? got : 0));
    return got > 0 || (got < 0 && (error_number == EAGAIN || error_number == EINTR));
}

Result<std::optional<std::string_view>> FrameReader::next() {
    const std::string_view rest = std::string_view(buffer_).substr(used_);
    if (rest.size() < 4) {
        return std::nullopt;
    }
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) {
        size |= static_cast<size_t>(static_cast<unsigned char>(rest[i])) << (8 * i);
    }
    if (size > kFrameBytesMax) {
        return fail(internal("corrupt_payload", "a slot message is too long"));
    }
    if (rest.size() < 4 + size) {
        return std::nullopt;
    }
    used_ += 4 + size;
    return rest.substr(4, size);
}

bool FrameWriter::flush(int fd) {
    while (sent_ < buffer_.size()) {
        const ssize_t wrote =
            ::send(fd, buffer_.data() + sent_, buffer_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN;
        }
        sent_ += static_cast<size_t>(wrote);
    }
    buffer_.clear();
    sent_ = 0;
    return true;
}

}  // namespace servo::executor
