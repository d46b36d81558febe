#include "executor/log_tail.h"

#include <gtest/gtest.h>

namespace servo::executor {
namespace {

constexpr size_t kMax = model::kLogTailBytesMax;

TEST(LogTail, KeepsTheEndAndCountsAll) {
    LogTailBuffer log;
    log.reset(0);
    EXPECT_EQ(log.tail({}), "");
    std::string all;
    for (int i = 0; i < 40'000; ++i) {
        const std::string line = std::to_string(i) + "\n";
        all += line;
        log.append(line);
    }
    EXPECT_EQ(log.bytes_total(), all.size());
    EXPECT_EQ(log.tail({}), all.substr(all.size() - kMax));
    log.append(std::string(3 * kMax, 'x'));
    EXPECT_EQ(log.tail({}), std::string(kMax, 'x'));
    log.reset(0);
    log.append("fresh");
    EXPECT_EQ(log.tail({}), "fresh");
}

TEST(LogTail, TakesSecretsOut) {
    const Redactor redactor({{"A", "hunter2-long"}, {"B", "first line\nsecond line"}, {"C", "ab"}});
    EXPECT_EQ(redactor.redact("x hunter2-long y"), "x *** y");
    EXPECT_EQ(redactor.redact("hunter2-lonhunter2-long"), "hunter2-lon***");
    EXPECT_EQ(redactor.redact("only second line here"), "only *** here");
    EXPECT_EQ(redactor.redact("ab stays"), "ab stays");
}

TEST(LogTail, ASecretCutByTheStartOfTheTailLeavesNothing) {
    const std::string secret = "correct-horse-battery-staple";
    const Redactor redactor({{"S", secret}});
    for (size_t shown = 1; shown < secret.size(); ++shown) {
        LogTailBuffer log;
        log.reset(redactor.longest());
        log.append("before " + secret);
        log.append(std::string(kMax - shown, '.'));  // `shown` bytes of the secret are in the tail
        const std::string tail = log.tail(redactor);
        EXPECT_EQ(tail.find(secret.back()), std::string::npos)
            << shown << ": " << tail.substr(0, 40);
        EXPECT_LE(tail.size(), kMax);
        EXPECT_GE(tail.size(), kMax - shown);
    }
}

TEST(CleanText, IsValidUtf8OfTheSameLength) {
    EXPECT_EQ(clean_text("plain"), "plain");
    EXPECT_EQ(clean_text("Grüße, 世界 🙂"), "Grüße, 世界 🙂");
    EXPECT_EQ(clean_text(std::string("a\0b", 3)), "a?b");
    EXPECT_EQ(clean_text("\xff\xfe"), "??");
    EXPECT_EQ(clean_text("\xc3"), "?");
    EXPECT_EQ(clean_text("\xed\xa0\x80"), "???");
    EXPECT_EQ(clean_text("\xc0\xaf"), "??");
    EXPECT_EQ(cut_text("aé", 2), "a");
}

TEST(LastLine, IsTheLastThatSaysSomething) {
    EXPECT_EQ(last_line("one\ntwo\n\n  \n", 100), "two");
    EXPECT_EQ(last_line("\n \n", 100), "");
    EXPECT_EQ(last_line("abcdef", 3), "abc");
}

TEST(LogTail, GoesOnFromAnOffset) {
    LogTailBuffer log;
    log.reset(0);
    log.append("one\n");
    LogTailBuffer::Piece piece = log.since(0, {});
    EXPECT_EQ(piece.text, "one\n");
    EXPECT_EQ(piece.end, 4u);
    EXPECT_EQ(log.since(piece.end, {}).text, "");
    EXPECT_EQ(log.since(99, {}).text, "");
    log.append("two\n");
    piece = log.since(piece.end, {});
    EXPECT_EQ(piece.begin, 4u);
    EXPECT_EQ(piece.text, "two\n");
    log.append(std::string(3 * kMax, 'x'));
    piece = log.since(piece.end, {});
    EXPECT_EQ(piece.text, std::string(kMax, 'x'));  // what lies between is gone
    EXPECT_EQ(piece.begin, 8 + 2 * kMax);
    EXPECT_EQ(piece.end, 8 + 3 * kMax);
}

TEST(LogTail, PiecesNeverShowASecretThatIsPrintedInTwo) {
    const std::string secret = "correct-horse-battery-staple";
    const Redactor redactor({{"S", secret}});
    for (size_t first = 1; first < secret.size(); ++first) {
        LogTailBuffer log;
        log.reset(redactor.longest());
        log.append("before " + secret.substr(0, first));
        const LogTailBuffer::Piece one = log.since(0, redactor);
        EXPECT_EQ(one.text, "before ");
        log.append(secret.substr(first) + " after");
        const LogTailBuffer::Piece two = log.since(one.end, redactor);
        EXPECT_EQ(two.text, "*** after");
        EXPECT_EQ(two.end, log.bytes_total());
    }
}

TEST(LogTail, PiecesAreNotCutInsideACharacter) {
    const std::string euro = "\xE2\x82\xAC";
    LogTailBuffer log;
    log.reset(0);
    log.append("a" + euro.substr(0, 2));
    const LogTailBuffer::Piece one = log.since(0, {});
    EXPECT_EQ(one.text, "a");
    log.append(euro.substr(2));
    EXPECT_EQ(log.since(one.end, {}).text, euro);
}

}  // namespace
}  // namespace servo::executor
