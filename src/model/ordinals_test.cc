#include "model/ordinals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/prng.h"

namespace servo::model {
namespace {

std::vector<Ordinal> expand(const std::vector<OrdinalRun>& runs) {
    std::vector<Ordinal> out;
    for (const OrdinalRun& run : runs) {
        for (uint64_t i = 0; i < run.count; ++i) {
            out.push_back(run.first + static_cast<int64_t>(i) * run.stride);
        }
    }
    return out;
}

std::vector<OrdinalRun> build(const std::vector<Ordinal>& ordinals) {
    OrdinalRunBuilder builder;
    for (const Ordinal o : ordinals) {
        builder.add(o);
    }
    return builder.take();
}

// Ascending, a mix of stretches with different strides and lone members, around zero.
std::vector<OrdinalRun> random_runs(Prng& prng) {
    std::vector<OrdinalRun> out;
    Ordinal next = prng.between(-60, 20);
    for (uint64_t i = prng.below(6); i > 0; --i) {
        const OrdinalRun run{next, 1 + prng.below(12), prng.between(1, 7)};
        out.push_back(run);
        next = run.last() + prng.between(1, 9);
    }
    return out;
}

TEST(OrdinalView, DenseStridedAndReversed) {
    const OrdinalView view({{10, 3, 1}, {20, 4, 5}});
    EXPECT_EQ(view.size(), 7u);
    EXPECT_EQ(view.at(0), 10);
    EXPECT_EQ(view.at(3), 20);
    EXPECT_EQ(view.at(6), 35);
    EXPECT_EQ(view.index_of(25), Index{4});
    EXPECT_EQ(view.index_of(26), std::nullopt);
    EXPECT_EQ(view.index_of(9), std::nullopt);
    const OrdinalView back({{10, 3, 1}, {20, 4, 5}}, true);
    EXPECT_EQ(back.at(0), 35);
    EXPECT_EQ(back.index_of(10), Index{6});
    EXPECT_NE(back.fingerprint(), view.fingerprint());
}

TEST(OrdinalView, EmptyView) {
    const OrdinalView view;
    EXPECT_EQ(view.size(), 0u);
    EXPECT_EQ(view.index_of(0), std::nullopt);
    EXPECT_TRUE(view.slice(model::Run{0, 5}).empty());
    EXPECT_EQ(OrdinalView::decode(view.encode()).value().size(), 0u);
}

// at, index_of, slice, codec and fingerprint against the expanded list.
TEST(OrdinalViewProperty, AgreesWithTheList) {
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        SCOPED_TRACE(seed);
        Prng prng(seed);
        const bool reversed = prng.chance(1, 2);
        const OrdinalView view(random_runs(prng), reversed);
        std::vector<Ordinal> list = expand(view.runs());
        if (reversed) {
            std::reverse(list.begin(), list.end());
        }
        ASSERT_EQ(view.size(), list.size());
        for (Index i = 0; i < list.size(); ++i) {
            ASSERT_EQ(view.at(i), list[i]);
            ASSERT_EQ(view.index_of(list[i]), i);
        }
        for (Ordinal o = -70; o < 300; ++o) {
            const bool member = std::find(list.begin(), list.end(), o) != list.end();
            ASSERT_EQ(view.index_of(o).has_value(), member) << o;
        }
        const Index first = prng.below(list.size() + 3);
        const model::Run cut{first, first + prng.below(list.size() + 3)};
        std::vector<Ordinal> expected;
        for (Index i = cut.first; i < std::min<Index>(cut.end, list.size()); ++i) {
            expected.push_back(list[i]);
        }
        std::sort(expected.begin(), expected.end());
        ASSERT_EQ(expand(view.slice(cut)), expected);
        const OrdinalView copy = OrdinalView::decode(view.encode()).value();
        ASSERT_EQ(copy.runs(), view.runs());
        ASSERT_EQ(copy.reversed(), view.reversed());
        ASSERT_EQ(copy.fingerprint(), view.fingerprint());
        const OrdinalView recut(build(expand(view.runs())), reversed);
        ASSERT_EQ(recut.fingerprint(), view.fingerprint()) << "depends on how the runs were cut";
    }
}

TEST(OrdinalViewProperty, IntersectionAgreesWithTheLists) {
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        SCOPED_TRACE(seed);
        Prng prng(seed);
        const OrdinalView a(random_runs(prng), prng.chance(1, 2));
        const OrdinalView b(random_runs(prng), prng.chance(1, 2));
        RunSet expected;
        for (Index i = 0; i < a.size(); ++i) {
            if (b.index_of(a.at(i)).has_value()) {
                expected.add(i);
            }
        }
        ASSERT_EQ(a.intersection(b), expected);
    }
}

TEST(OrdinalViewProperty, FingerprintsOfDifferentListsDiffer) {
    std::set<uint64_t> seen;
    std::set<std::vector<Ordinal>> lists;
    Prng prng(3);
    for (int i = 0; i < 3000; ++i) {
        const OrdinalView view(random_runs(prng));
        if (lists.insert(expand(view.runs())).second) {
            ASSERT_TRUE(seen.insert(view.fingerprint()).second);
        }
    }
}

TEST(OrdinalView, LargeViewsAreCheap) {
    const OrdinalView dense({{-5'000'000, 10'000'000, 1}});
    EXPECT_LE(dense.encode().size(), 16u);
    EXPECT_EQ(dense.at(9'999'999), 4'999'999);
    const OrdinalView half({{0, 10'000'000, 1}});
    EXPECT_EQ(dense.intersection(half).to_string(), "5000000-9999999");
    // A regular product packs into a few bytes, whatever the number of its runs.
    std::vector<OrdinalRun> product;
    for (int64_t day = 0; day < 50'000; ++day) {
        product.push_back({day << 20, 3, 1});
    }
    const OrdinalView days(product);
    EXPECT_LE(days.encode().size(), 32u);
    EXPECT_EQ(OrdinalView::decode(days.encode()).value().runs(), product);
}

TEST(OrdinalView, ExtremesOfTheRange) {
    constexpr Ordinal kLow = std::numeric_limits<Ordinal>::min();
    constexpr Ordinal kHigh = std::numeric_limits<Ordinal>::max();
    const OrdinalView view(build({kLow, -1, 0, kHigh}));
    EXPECT_EQ(view.size(), 4u);
    EXPECT_EQ(view.at(0), kLow);
    EXPECT_EQ(view.at(3), kHigh);
    EXPECT_EQ(view.index_of(kHigh), Index{3});
    EXPECT_EQ(view.intersection(view).to_string(), "0-3");
    const OrdinalView copy = OrdinalView::decode(view.encode()).value();
    EXPECT_EQ(expand(copy.runs()), expand(view.runs()));
}

TEST(OrdinalViewCodec, GoldenBytes) {
    const OrdinalView view({{-3, 2, 1}, {10, 4, 5}}, true);
    EXPECT_EQ(view.encode(), std::string("\x01\x01\x02\x01\x05\x02\x01\x01\x0c\x04\x05", 11));
}

TEST(OrdinalViewCodec, DamageIsAnError) {
    const std::string good = OrdinalView({{-3, 2, 1}, {10, 4, 5}}).encode();
    for (size_t cut = 0; cut < good.size(); ++cut) {
        EXPECT_FALSE(OrdinalView::decode(good.substr(0, cut)).has_value()) << cut;
    }
    EXPECT_FALSE(OrdinalView::decode(good + '\0').has_value());
    // Any changed byte either fails cleanly or gives a view that holds its invariants.
    for (size_t at = 0; at < good.size(); ++at) {
        for (int value = 0; value < 256; ++value) {
            std::string bytes = good;
            bytes[at] = static_cast<char>(value);
            const Result<OrdinalView> view = OrdinalView::decode(bytes);
            if (view.has_value() && view->size() > 0) {
                EXPECT_EQ(view->index_of(view->at(view->size() - 1)), view->size() - 1);
            } else if (!view.has_value()) {
                EXPECT_EQ(view.error().reason, "corrupt_payload");
            }
        }
    }
    std::string bomb("\x01\x00\x02\x01\x00\x01\x01", 7);
    bomb += std::string("\xff\xff\xff\xff\xff\xff\x0f\x01\x01\x01", 10);  // repeats without limit
    EXPECT_FALSE(OrdinalView::decode(bomb).has_value());
}

TEST(OrdinalRunBuilder, MergesIntoStridedRuns) {
    EXPECT_EQ(build({0, 5, 10, 15}), (std::vector<OrdinalRun>{{0, 4, 5}}));
    EXPECT_EQ(build({1, 2, 3, 10, 20, 30}), (std::vector<OrdinalRun>{{1, 3, 1}, {10, 3, 10}}));
    EXPECT_EQ(build({7}), (std::vector<OrdinalRun>{{7, 1, 1}}));
    EXPECT_TRUE(build({}).empty());
}

TEST(OrdinalRunBuilderProperty, AddingRunsEqualsAddingMembers) {
    for (uint64_t seed = 1; seed <= 1000; ++seed) {
        Prng prng(seed);
        const std::vector<OrdinalRun> runs = random_runs(prng);
        OrdinalRunBuilder builder;
        for (const OrdinalRun& run : runs) {
            builder.add(run);
        }
        const std::vector<OrdinalRun> merged = builder.take();
        ASSERT_EQ(merged, build(expand(runs))) << seed;
        ASSERT_EQ(expand(merged), expand(runs)) << seed;
    }
}

}  // namespace
}  // namespace servo::model
