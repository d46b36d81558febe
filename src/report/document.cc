#include "report/document.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "report/style.h"

namespace servo::report {
namespace {

// A bar would end the cell, a line end the row.
std::string markdown_cell(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '|' || c == '\\') {
            out += '\\';
        }
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

void check_row(const Table& table, const std::vector<std::string>& row) {
    SERVO_ASSERT(row.size() == table.columns.size());
}

void add_markdown(std::string& out, const Table& table) {
    if (table.rows.empty()) {
        out += table.when_empty + "\n\n";
        return;
    }
    std::string rule = "|";
    out += '|';
    for (const Column& column : table.columns) {
        out += ' ' + markdown_cell(column.title) + " |";
        rule += column.number ? "---:|" : "---|";
    }
    out += '\n' + rule + '\n';
    for (const auto& row : table.rows) {
        check_row(table, row);
        out += '|';
        for (const std::string& cell : row) {
            out += ' ' + markdown_cell(cell) + " |";
        }
        out += '\n';
    }
    out += '\n';
}

void add_html(std::string& out, const Table& table) {
    if (table.rows.empty()) {
        out += fmt::format("<p class=\"empty\">{}</p>\n", escape_html(table.when_empty));
        return;
    }
    const auto cell = [&](const char* tag, const Column& column, const std::string& text) {
        out += fmt::format(
            "<{0}{1}>{2}</{0}>", tag, column.number ? " class=\"n\"" : "", escape_html(text)
        );
    };
    out += "<div class=\"scroll\"><table><thead><tr>";
    for (const Column& column : table.columns) {
        cell("th", column, column.title);
    }
    out += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
        check_row(table, row);
        out += "<tr>";
        for (size_t i = 0; i < row.size(); ++i) {
            cell("td", table.columns[i], row[i]);
        }
        out += "</tr>\n";
    }
    out += "</tbody></table></div>\n";
}

void add_html(std::string& out, const Figure& figure) {
    out += fmt::format("<figure><figcaption>{}</figcaption>\n", escape_html(figure.title));
    if (figure.legend.size() > 1) {
        out += "<ul class=\"legend\">";
        for (size_t i = 0; i < figure.legend.size(); ++i) {
            out += fmt::format(
                "<li><i class=\"{}\"></i>{}</li>", series_class(i), escape_html(figure.legend[i])
            );
        }
        out += "</ul>\n";
    }
    out += figure.svg + "</figure>\n";
}

}  // namespace

std::string percent(double share, int decimals) {
    return fmt::format("{:.{}f} %", share * 100, decimals);
}

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string to_markdown(const Document& document) {
    std::string out = "# " + document.title + "\n\n";
    if (!document.subtitle.empty()) {
        out += document.subtitle + "\n\n";
    }
    for (const auto& [name, value] : document.facts) {
        out += fmt::format("- {}: **{}**\n", name, value);
    }
    out += document.facts.empty() ? "" : "\n";
    for (const Section& section : document.sections) {
        out += "## " + section.title + "\n\n";
        for (const Block& block : section.blocks) {
            if (const auto* text = std::get_if<Paragraph>(&block)) {
                out += text->text + "\n\n";
            } else if (const auto* table = std::get_if<Table>(&block)) {
                add_markdown(out, *table);
            }
        }
    }
    if (document.footer.empty()) {
        out.pop_back();  // one line end at the end
        return out;
    }
    return out + document.footer + '\n';
}

std::string to_html(const Document& document) {
    std::string out = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n"
        "<style>\n{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n",
        escape_html(document.title),
        kStyleSheet
    );
    if (!document.subtitle.empty()) {
        out += fmt::format("<p class=\"subtitle\">{}</p>\n", escape_html(document.subtitle));
    }
    if (!document.facts.empty()) {
        out += "<dl class=\"facts\">\n";
        for (const auto& [name, value] : document.facts) {
            out += fmt::format(
                "<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(name), escape_html(value)
            );
        }
        out += "</dl>\n";
    }
    for (const Section& section : document.sections) {
        out += fmt::format("<section>\n<h2>{}</h2>\n", escape_html(section.title));
        for (const Block& block : section.blocks) {
            if (const auto* text = std::get_if<Paragraph>(&block)) {
                out += fmt::format("<p>{}</p>\n", escape_html(text->text));
            } else if (const auto* table = std::get_if<Table>(&block)) {
                add_html(out, *table);
            } else {
                add_html(out, std::get<Figure>(block));
            }
        }
        out += "</section>\n";
    }
    if (!document.footer.empty()) {
        out += fmt::format("<footer>{}</footer>\n", escape_html(document.footer));
    }
    return out + "</main>\n</body>\n</html>\n";
}

}  // namespace servo::report
