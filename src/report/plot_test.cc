#include "report/plot.h"

#include <gtest/gtest.h>

#include <regex>

#include "report/document.h"

namespace servo::report {
namespace {

size_t count(const std::string& text, const std::string& part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

TEST(Plot, TicksAreRoundAndReachTheTop) {
    EXPECT_EQ(round_ticks(10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
    EXPECT_EQ(round_ticks(11, 5), (std::vector<double>{0, 5, 10, 15}));
    EXPECT_EQ(round_ticks(0, 5), (std::vector<double>{0, 1}));
    const auto small = round_ticks(0.004, 4);
    EXPECT_DOUBLE_EQ(small.back(), 0.004);
    EXPECT_EQ(round_ticks(2, 5, 1), (std::vector<double>{0, 1, 2}));
    EXPECT_EQ(round_ticks(11, 5, 1), (std::vector<double>{0, 5, 10, 15}));
}

TEST(Plot, NumbersAreShort) {
    EXPECT_EQ(short_number(0), "0");
    EXPECT_EQ(short_number(0.25), "0.25");
    EXPECT_EQ(short_number(950), "950");
    EXPECT_EQ(short_number(999.9), "1k");
    EXPECT_EQ(short_number(1'234), "1.23k");
    EXPECT_EQ(short_number(34'000'000), "34M");
}

// Left edges of labels lie right of the label before, whatever the number of steps.
TEST(Plot, LabelsOfManyStepsDoNotTouch) {
    ColumnPlot plot{"day", "partitions", {}, {{}}};
    for (int i = 0; i < 90; ++i) {
        plot.steps.push_back("Mar " + std::to_string(i % 31 + 1));
        plot.series[0].push_back(i);
    }
    const std::string svg = draw(plot);
    const std::regex label("<text x=\"([0-9.]+)\" y=\"290.0\" text-anchor=\"middle\">(.*?)</text>");
    double taken_to = 0;
    int labels = 0;
    for (auto it = std::sregex_iterator(svg.begin(), svg.end(), label);
         it != std::sregex_iterator();
         ++it) {
        const double half = 3.4 * static_cast<double>((*it)[2].length());
        const double x = std::stod((*it)[1]);
        EXPECT_GT(x - half, taken_to);
        taken_to = x + half;
        ++labels;
    }
    EXPECT_GT(labels, 5);
    EXPECT_LT(labels, 20);
    EXPECT_EQ(count(svg, "<rect"), 89u) << "a column of nothing is not drawn";
}

TEST(Plot, CountsHaveNoTicksBetweenThem) {
    ColumnPlot plot{"day", "failed attempts", {"Mar 1"}, {{2}}};
    EXPECT_NE(draw(plot).find(">0.5</text>"), std::string::npos);
    plot.whole = true;
    EXPECT_EQ(draw(plot).find(">0.5</text>"), std::string::npos);
    EXPECT_NE(draw(plot).find(">2</text>"), std::string::npos);
}

TEST(Plot, EveryDrawingNamesItsAxes) {
    const std::string line = draw(LinePlot{
        "executors",
        "partitions per second",
        {{"measured", {{1, 10}, {2, 19}}, Mark::kDots, 0}},
        {1, 2}});
    EXPECT_EQ(count(line, "<circle"), 2u);
    EXPECT_NE(line.find(">executors</text>"), std::string::npos);
    EXPECT_NE(line.find(">partitions per second</text>"), std::string::npos);
    const std::string bars = draw(BarPlot{"slot hours", {{"acme/<orders>", 2, "2 h", 1, "1 h"}}});
    EXPECT_NE(bars.find("acme/&lt;orders&gt;"), std::string::npos);
    EXPECT_EQ(count(bars, "<rect"), 2u);
    const std::string shares = draw(SharePlot{"share of slot time", {{"1", {0.5, 0.25}}}});
    EXPECT_NE(shares.find("1: 25.0 %"), std::string::npos);
}

// 28 characters: the first 14, the ellipsis, the last 13.
TEST(Plot, LongNamesKeepBothEnds) {
    const std::string bars = draw(BarPlot{
        "x",
        {{"acme/warehouse_snapshots_of_everything", 1, "1", {}, ""},
         {"bigco/warehouse_snapshots_of_everything", 1, "1", {}, ""}}});
    EXPECT_NE(bars.find(">acme/warehouse…of_everything</text>"), std::string::npos);
    EXPECT_NE(bars.find(">bigco/warehous…of_everything</text>"), std::string::npos);
}

TEST(Plot, NothingToDrawIsNoFault) {
    EXPECT_NE(draw(LinePlot{"x", "y", {}, {}}).find("</svg>"), std::string::npos);
    EXPECT_NE(draw(BarPlot{"x", {}}).find("</svg>"), std::string::npos);
    EXPECT_NE(draw(ColumnPlot{"x", "y", {}, {}}).find("</svg>"), std::string::npos);
}

TEST(Document, SaysTheSameInBothForms) {
    Document document{"A <title>", "From here to there.", {{"rate", "5/s"}}, {}, "The end."};
    Table table{{{"asset"}, {"done", true}}, {{"a|b", "1"}}, ""};
    document.sections.push_back(
        {"First", {Paragraph{"Some text."}, table, Figure{"F", "<svg/>", {}}}}
    );
    document.sections.push_back({"Second", {Table{{{"x"}}, {}, "nothing here"}}});
    EXPECT_EQ(
        to_markdown(document),
        "# A <title>\n\nFrom here to there.\n\n- rate: **5/s**\n\n## First\n\nSome text.\n\n"
        "| asset | done |\n|---|---:|\n| a\\|b | 1 |\n\n## Second\n\nnothing here\n\nThe end.\n"
    );
    const std::string html = to_html(document);
    for (const char* part :
         {"<h1>A &lt;title&gt;</h1>",
          "<dd>5/s</dd>",
          "<td>a|b</td><td class=\"n\">1</td>",
          "<svg/>",
          "<p class=\"empty\">nothing here</p>",
          "<footer>The end.</footer>"}) {
        EXPECT_NE(html.find(part), std::string::npos) << part;
    }
    // Nothing is fetched from anywhere.
    EXPECT_EQ(html.find("http"), std::string::npos);
    EXPECT_EQ(html.find("<script"), std::string::npos);
}

}  // namespace
}  // namespace servo::report
