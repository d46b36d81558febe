// Against a folder with the files that the kernel would show.
#include "executor/slot_cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "executor/cgroup_test_support.h"

namespace servo::executor {
namespace {

class SlotCgroupTest : public ::testing::Test {
 protected:
    std::string refusal() const {
        const auto tree = CgroupTree::take(fake_.paths());
        EXPECT_FALSE(tree.has_value());
        return tree ? "" : tree.error().message;
    }
    FakeCgroups fake_;
};

TEST_F(SlotCgroupTest, TakesAGroupThatIsItsOwn) {
    fake_.add_slot(0);
    const auto tree = CgroupTree::take(fake_.paths());
    ASSERT_TRUE(tree.has_value()) << tree.error().message;
    EXPECT_EQ(fake_.read("servo-executor/cgroup.procs"), "0");
    EXPECT_EQ(fake_.read("cgroup.subtree_control"), "+memory");
    EXPECT_EQ(tree->slot_folder(0), fake_.path("servo-slot-0"));
    EXPECT_EQ(tree->slot_folder(1), fake_.path("servo-slot-1"));
    EXPECT_TRUE(std::filesystem::is_directory(fake_.path("servo-slot-1")));
}

TEST_F(SlotCgroupTest, GivesBackWhatItTook) {
    { const auto tree = CgroupTree::take(fake_.paths()); }
    EXPECT_EQ(fake_.read("cgroup.subtree_control"), "-memory");
    EXPECT_EQ(fake_.read("cgroup.procs"), "0");
}

TEST_F(SlotCgroupTest, SaysWhyItCannot) {
    fake_.write("cgroup.controllers", "cpu io\n");
    EXPECT_NE(refusal().find("has no memory controller"), std::string::npos);
    fake_.write("cgroup.controllers", "cpu memory\n");
    std::filesystem::remove(fake_.path("cgroup.procs"));
    EXPECT_NE(refusal().find("may not be written"), std::string::npos);
    fake_.write_proc("3:memory:/\n");
    EXPECT_NE(refusal().find("version 2 are not mounted"), std::string::npos);
    fake_.write_proc("0::/user.slice\n");
    fake_.write("user.slice/cgroup.controllers", "memory\n");
    fake_.write("user.slice/cgroup.procs", "");
    if (::geteuid() == 0) {  // others may not write there
        EXPECT_NE(refusal().find("not delegated"), std::string::npos);
        EXPECT_FALSE(std::filesystem::exists(fake_.path("user.slice/servo-executor")));
    }
}

TEST_F(SlotCgroupTest, ASlotsGroupIsLimitedAndKilledAsOne) {
    fake_.add_slot(0);
    SlotCgroup group(fake_.path("servo-slot-0"));
    EXPECT_GE(group.procs_fd(), 0);
    EXPECT_EQ(fake_.read("servo-slot-0/memory.oom.group"), "1");
    EXPECT_TRUE(group.limit_memory(64 << 20));
    EXPECT_EQ(fake_.read("servo-slot-0/memory.max"), "67108864");
    EXPECT_FALSE(group.ran_out());
    fake_.write("servo-slot-0/memory.events", "low 0\noom 2\noom_kill 2\n");
    EXPECT_TRUE(group.ran_out());
    EXPECT_FALSE(group.ran_out());
    fake_.write("servo-slot-0/memory.events", "oom_kill 3\n");
    EXPECT_TRUE(group.limit_memory(1 << 20));
    EXPECT_FALSE(group.ran_out());  // that was the attempt before
    EXPECT_TRUE(group.kill());
    EXPECT_EQ(fake_.read("servo-slot-0/cgroup.kill"), "1");
}

TEST_F(SlotCgroupTest, WithoutAGroupSomebodyElseMustWatch) {
    SlotCgroup none("");
    EXPECT_FALSE(none.limit_memory(1 << 20));
    EXPECT_EQ(none.procs_fd(), -1);
    EXPECT_FALSE(none.ran_out());
    EXPECT_FALSE(none.kill());
    SlotCgroup gone(fake_.path("servo-slot-7"));
    EXPECT_FALSE(gone.limit_memory(1 << 20));
}

}  // namespace
}  // namespace servo::executor
