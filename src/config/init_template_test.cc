#include "config/init_template.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "config/asset_file.h"
#include "config/schema.h"

namespace servo::config {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Folder {
 public:
    Folder() {
        std::string name = testing::TempDir() + "servo-init-XXXXXX";
        path_ = mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

TEST(InitTemplate, TheAssetFileParsesAndRunsTheScript) {
    const std::vector<InitFile> files = init_files();
    ASSERT_EQ(files.size(), 2U);
    const Result<AssetFile> file = parse_asset_file(files[0].content);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    ASSERT_EQ(file->assets.size(), 1U);
    EXPECT_EQ(file->assets[0].spec.run.argv[0], "./" + files[1].name);
    EXPECT_TRUE(files[1].executable);
}

// What is commented out must be right as well: a reader will remove the marks.
TEST(InitTemplate, TheCommentedKeysParseToo) {
    std::string text;
    for (std::string line : split(init_files()[0].content, '\n')) {
        const size_t mark = line.find("# ");
        const bool is_comment = mark != std::string::npos && line.find_first_not_of(' ') == mark;
        const std::string rest = is_comment ? line.substr(mark + 2) : "";
        const size_t colon = rest.find(':');
        const bool is_key = colon != std::string::npos && rest.find('{') != std::string::npos &&
                            rest.find_first_of(" {") > colon - 1;
        const bool is_list = rest.starts_with("pools:") || rest.starts_with("tenants:") ||
                             rest.starts_with("  warehouse:");
        if (is_comment && (is_key || is_list)) {
            line.erase(mark, 2);
        }
        text += line + "\n";
    }
    text +=
        "  raw: { partitions: { every: day, start: 2024-01-01 }, run: { command: [./raw.sh] } }\n";
    const Result<AssetFile> file = parse_asset_file(text);
    ASSERT_TRUE(file.has_value()) << file.error().message << "\n" << text;
    const model::AssetSpec& spec = file->assets[0].spec;
    EXPECT_EQ(file->tenants.size(), 2U);
    EXPECT_EQ(spec.env.size(), 1U);
    EXPECT_EQ(spec.secrets.size(), 1U);
    EXPECT_EQ(spec.retries.max_attempts, 3);
    EXPECT_EQ(spec.concurrency, 4);
    EXPECT_EQ(spec.pools.size(), 1U);
    EXPECT_EQ(spec.upstream.size(), 1U);
}

TEST(InitTemplate, TheScriptMakesADayAndCanBeRepeated) {
    const Folder folder;
    const InitFile script = init_files()[1];
    std::ofstream(folder.path() / script.name, std::ios::binary) << script.content;
    const std::string command = "cd " + shell_quote(folder.path().string()) +
                                " && SERVO_RESULT_FILE=result.json sh ./hello.sh 2024-01-29 >log";
    ASSERT_EQ(std::system(command.c_str()), 0);
    const std::string made = read_file(folder.path() / "out" / "2024-01-29.csv");
    EXPECT_EQ(std::count(made.begin(), made.end(), '\n'), 25);
    EXPECT_TRUE(made.ends_with("2024-01-29 23:00,529\n")) << made;
    EXPECT_EQ(read_file(folder.path() / "result.json"), "{\"rows\": 24}\n");
    ASSERT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(read_file(folder.path() / "out" / "2024-01-29.csv"), made);
    const std::filesystem::directory_iterator out(folder.path() / "out");
    EXPECT_EQ(std::distance(begin(out), end(out)), 1);
}

TEST(InitTemplate, TheExampleOfTheReferencePageParses) {
    const std::string page = asset_file_reference();
    const size_t begin = page.find("```yaml\n") + 8;
    const std::string example = page.substr(begin, page.find("```", begin) - begin);
    const Result<AssetFile> file = parse_asset_file(example);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    EXPECT_EQ(file->assets.size(), 2U);
}

}  // namespace
}  // namespace servo::config
