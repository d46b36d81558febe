// Drawings as SVG for report pages: axes with units, round tick marks, no label over another. They
// take their colours from the page's style sheet (style.h). Pure: the same data, the same bytes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace servo::report {

struct Point {
    double x = 0;
    double y = 0;
};

enum class Mark { kDots, kLine, kDashedLine };

struct Series {
    std::string name;
    std::vector<Point> points;  // ascending by x
    Mark mark = Mark::kLine;
    size_t colour = 0;
};

// Both axes from 0. `x_marks`: where the x axis is labelled; empty = at round numbers.
struct LinePlot {
    std::string x_title;  // with the unit: "executors"
    std::string y_title;  // "partitions per second"
    std::vector<Series> series;
    std::vector<double> x_marks;
};
std::string draw(const LinePlot& plot);

// Horizontal bars, one under the other, each with its name and its value written out. `before`
// draws a second, paler bar under the first.
struct Bar {
    std::string name;
    double value = 0;
    std::string text;  // the value as people read it
    std::optional<double> before;
    std::string before_text;
};
struct BarPlot {
    std::string x_title;
    std::vector<Bar> bars;
};
std::string draw(const BarPlot& plot);

// Columns over equal steps (days, say), the series stacked on each other.
struct ColumnPlot {
    std::string x_title;
    std::string y_title;
    std::vector<std::string> steps;           // names; where they do not fit, some are left out
    std::vector<std::vector<double>> series;  // by series, then by step
    bool whole = false;                       // values are counts: no tick between two of them
};
std::string draw(const ColumnPlot& plot);

// One bar cut into shares of 1 for each row, as a time ledger is.
struct ShareRow {
    std::string name;
    std::vector<double> shares;  // by series; what is missing to 1 stays empty
};
struct SharePlot {
    std::string x_title;
    std::vector<ShareRow> rows;
};
std::string draw(const SharePlot& plot);

// 1-2-5 steps from 0 to at least `top`, about `wanted` of them, none smaller than `least`.
std::vector<double> round_ticks(double top, int wanted, double least = 0);
// "0", "0.25", "950", "1.2k", "34M".
std::string short_number(double value);

}  // namespace servo::report
