#include "model/run_set.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/prng.h"

namespace servo::model {
namespace {

constexpr Index kUniverse = 200;  // small, so that runs meet often

std::set<Index> members(const RunSet& set) {
    std::set<Index> out;
    for (const Run& run : set.runs()) {
        for (Index i = run.first; i < run.end; ++i) {
            out.insert(i);
        }
    }
    return out;
}

void expect_well_formed(const RunSet& set) {
    uint64_t size = 0;
    for (size_t i = 0; i < set.runs().size(); ++i) {
        ASSERT_LT(set.runs()[i].first, set.runs()[i].end);
        if (i > 0) {
            ASSERT_LT(set.runs()[i - 1].end, set.runs()[i].first) << "runs touch or overlap";
        }
        size += set.runs()[i].size();
    }
    ASSERT_EQ(size, set.size());
}

Run random_run(Prng& prng) {
    const Index first = prng.below(kUniverse);
    return {first, first + prng.below(1 + prng.below(30))};
}

RunSet random_set(Prng& prng) {
    RunSet out;
    for (uint64_t i = prng.below(30); i > 0; --i) {
        out.add(random_run(prng));
    }
    return out;
}

TEST(RunSet, AddJoinsNeighbours) {
    RunSet set;
    set.add(model::Run{0, 5});
    set.add(model::Run{9, 13});
    set.add(7);
    EXPECT_EQ(set.to_string(), "0-4,7,9-12");
    set.add(model::Run{5, 7});
    EXPECT_EQ(set.to_string(), "0-7,9-12");
    set.add(8);
    EXPECT_EQ(set.to_string(), "0-12");
    EXPECT_EQ(set.size(), 13u);
    set.add(model::Run{4, 4});
    EXPECT_EQ(set.size(), 13u);
}

TEST(RunSet, SubtractSplits) {
    RunSet set(model::Run{0, 10});
    set.subtract(4);
    EXPECT_EQ(set.to_string(), "0-3,5-9");
    set.subtract(model::Run{3, 6});
    EXPECT_EQ(set.to_string(), "0-2,6-9");
    set.subtract(model::Run{0, 100});
    EXPECT_TRUE(set.empty());
    set.subtract(model::Run{5, 5});
    EXPECT_EQ(set.to_string(), "");
}

TEST(RunSet, SelfOperandsAreSafe) {
    RunSet set;
    for (Index i = 0; i < 40; i += 2) {
        set.add(i);
    }
    const RunSet copy = set;
    set.add(set);
    EXPECT_EQ(set, copy);
    set.subtract(set);
    EXPECT_TRUE(set.empty());
    RunSet few(model::Run{3, 5});
    few.subtract(few);
    EXPECT_TRUE(few.empty());
}

TEST(RunSet, TakeFrontIsBoundedByRuns) {
    RunSet set;
    for (Index i = 0; i < 100; i += 2) {
        set.add(i);
    }
    RunSet taken = set.take_front(100, 3);
    EXPECT_EQ(taken.to_string(), "0,2,4");
    EXPECT_EQ(set.size(), 47u);
    EXPECT_TRUE(set.take_front(5, 0).empty());
    EXPECT_TRUE(set.take_front(0, 5).empty());
    EXPECT_EQ(set.size(), 47u);
}

// A RunSet and the same set kept member by member; each step changes both and compares them.
class Twins {
 public:
    explicit Twins(uint64_t seed) : prng_(seed) {}

    void step() {
        switch (prng_.below(6)) {
            case 0:
                return add(random_run(prng_));
            case 1:
                return subtract(random_run(prng_));
            case 2:
                return add_set(random_set(prng_));
            case 3:
                return subtract_set(random_set(prng_));
            case 4:
                return take_front(prng_.below(20), prng_.below(4));
            default:
                return intersect(random_run(prng_));
        }
    }
    void compare() {
        expect_well_formed(set_);
        ASSERT_EQ(members(set_), model_);
        uint64_t position = 0;
        for (Index i = 0; i < kUniverse + 40; ++i) {
            ASSERT_EQ(set_.contains(i), model_.contains(i));
            if (model_.contains(i)) {
                ASSERT_EQ(set_.at(position++), i);
            }
        }
        ASSERT_EQ(RunSet::decode(set_.encode()).value(), set_);
    }

 private:
    void add(Run run) {
        set_.add(run);
        for (Index i = run.first; i < run.end; ++i) {
            model_.insert(i);
        }
    }
    void subtract(Run run) {
        set_.subtract(run);
        for (Index i = run.first; i < run.end; ++i) {
            model_.erase(i);
        }
    }
    void add_set(const RunSet& other) {
        set_.add(other);
        model_.merge(members(other));
    }
    void subtract_set(const RunSet& other) {
        set_.subtract(other);
        for (const Index i : members(other)) {
            model_.erase(i);
        }
    }
    void take_front(uint64_t count, size_t runs_max) {
        const RunSet taken = set_.take_front(count, runs_max);
        expect_well_formed(taken);
        ASSERT_LE(taken.size(), count);
        ASSERT_LE(taken.runs().size(), runs_max);
        ASSERT_TRUE(taken.size() == count || taken.runs().size() == runs_max || set_.empty());
        for (const Index i : members(taken)) {
            ASSERT_EQ(*model_.begin(), i) << "not taken from the front";
            model_.erase(model_.begin());
        }
    }
    void intersect(Run run) {
        const RunSet inside = set_.intersection(run);
        expect_well_formed(inside);
        for (const Index i : model_) {
            ASSERT_EQ(inside.contains(i), run.first <= i && i < run.end);
        }
        for (const Index i : members(inside)) {
            ASSERT_TRUE(model_.contains(i));
        }
        ASSERT_EQ(set_.intersects(run), !inside.empty());
    }

    Prng prng_;
    RunSet set_;
    std::set<Index> model_;
};

TEST(RunSetProperty, AgreesWithStdSet) {
    for (uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Twins twins(seed);
        for (int step = 0; step < 60; ++step) {
            twins.step();
            twins.compare();
        }
    }
}

TEST(RunSetCodec, ManyIndicesStaySmall) {
    const RunSet set(model::Run{0, 10'000'000});
    EXPECT_LE(set.encode().size(), 8u);
    EXPECT_EQ(RunSet::decode(set.encode()).value(), set);
    const RunSet high(model::Run{
        std::numeric_limits<Index>::max() - 1, std::numeric_limits<Index>::max()});
    EXPECT_EQ(RunSet::decode(high.encode()).value(), high);
}

TEST(RunSetCodec, GoldenBytes) {
    RunSet set(model::Run{2, 5});
    set.add(model::Run{300, 301});
    EXPECT_EQ(set.encode(), std::string("\x01\x02\x02\x03\xa7\x02\x01", 7));
}

TEST(RunSetCodec, DamageIsAnError) {
    const std::string good = [] {
        RunSet set(model::Run{2, 5});
        set.add(model::Run{300, 301});
        return set.encode();
    }();
    for (size_t cut = 0; cut < good.size(); ++cut) {
        EXPECT_FALSE(RunSet::decode(good.substr(0, cut)).has_value()) << cut;
    }
    EXPECT_FALSE(RunSet::decode(good + '\0').has_value());
    const std::string bad[] = {
        std::string("\x02\x00", 2),                  // version
        std::string("\x01\x01\x00\x00", 4),          // empty run
        std::string("\x01\x02\x00\x01\x00\x01", 6),  // touching runs
        std::string("\x01\xff\xff\xff\xff\x0f", 6),  // count beyond the bytes
        std::string("\x01\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13),  // past the end
    };
    for (const std::string& bytes : bad) {
        const Result<RunSet> set = RunSet::decode(bytes);
        ASSERT_FALSE(set.has_value());
        EXPECT_EQ(set.error().reason, "corrupt_payload");
    }
}

}  // namespace
}  // namespace servo::model
