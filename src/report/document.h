// A report as plain parts: what it says, apart from how it looks. Written as Markdown (which has
// the numbers but no figures) or as one HTML page that needs nothing from elsewhere. Pure.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace servo::report {

struct Column {
    std::string title;
    bool number = false;  // aligned to the right
};

struct Table {
    std::vector<Column> columns;
    std::vector<std::vector<std::string>> rows;  // as many cells as columns (asserted)
    std::string when_empty;                      // shown instead of a table without rows
};

struct Paragraph {
    std::string text;
};

// A drawing (plot.h). The numbers in it must be in a table as well.
struct Figure {
    std::string title;
    std::string svg;
    std::vector<std::string> legend;  // names of the series, in the order of their colours
};

using Block = std::variant<Paragraph, Table, Figure>;

struct Section {
    std::string title;
    std::vector<Block> blocks;
};

struct Document {
    std::string title;
    std::string subtitle;
    std::vector<std::pair<std::string, std::string>> facts;  // shown large in HTML
    std::vector<Section> sections;
    std::string footer;
};

std::string to_markdown(const Document& document);
std::string to_html(const Document& document);

// 0.125 → "12.5 %".
std::string percent(double share, int decimals = 1);

// "&", "<", ">" and quotes as entities.
std::string escape_html(std::string_view text);

}  // namespace servo::report
