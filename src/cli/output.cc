#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/json.h"
#include "base/assert.h"
#include "base/suggest.h"
#include "base/utf8.h"

namespace servo::cli {
namespace {

constexpr std::string_view kReset = "\x1b[0m";

std::string_view code_of(Tone tone) {
    switch (tone) {
        case Tone::kPlain:
            return "";
        case Tone::kGood:
            return "\x1b[32m";
        case Tone::kBad:
            return "\x1b[31m";
        case Tone::kWarn:
            return "\x1b[33m";
        case Tone::kDim:
            return "\x1b[2m";
    }
    return "";
}

std::string one_line(std::string_view text) {
    std::string out = printable(text);
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

void pad(std::ostream& out, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        out << ' ';
    }
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const char c = text.front();
        // U+0080 to U+009f are controls as well; their bytes are told one by one.
        const bool c1 =
            c == '\xc2' && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0;
        const size_t length = is_control(c) || c1 ? 0 : utf8_length(text);
        if (length > 0 || c == '\n') {
            out += text.substr(0, std::max<size_t>(length, 1));
        } else {
            out += c == '\t' || c == '\r' ? " "
                                          : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
        text.remove_prefix(std::max<size_t>(length, 1));
    }
    return out;
}

Result<Format> format_from(std::string_view word) {
    if (word == "table") {
        return Format::kTable;
    }
    if (word == "wide") {
        return Format::kWide;
    }
    if (word == "json") {
        return Format::kJson;
    }
    if (word == "jsonl") {
        return Format::kJsonl;
    }
    if (word == "yaml") {
        return Format::kYaml;
    }
    if (word == "name") {
        return Format::kName;
    }
    return fail(invalid_argument(
        "bad_output_format",
        "-o \"" + std::string(word) +
            "\" is not known; it is one of table, wide, json, jsonl, yaml, name." +
            did_you_mean(word, {"table", "wide", "json", "jsonl", "yaml", "name"})
    ));
}

std::string paint(std::string_view text, Tone tone, bool colour) {
    if (!colour || tone == Tone::kPlain || text.empty()) {
        return std::string(text);
    }
    std::string out(code_of(tone));
    out += text;
    out += kReset;
    return out;
}

size_t display_width(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

Tone tone_of_state(std::string_view state) {
    if (state == "completed" || state == "up" || state == "created") {
        return Tone::kGood;
    }
    if (state == "failed" || state == "lost" || state == "broken" || state == "stuck") {
        return Tone::kBad;
    }
    if (state == "paused" || state == "cancelling" || state == "waiting_upstream" ||
        state == "draining" || state == "held" || state == "open" || state == "changed") {
        return Tone::kWarn;
    }
    if (state == "cancelled" || state == "skipped" || state == "missing" || state == "drained" ||
        state == "left") {
        return Tone::kDim;
    }
    return Tone::kPlain;
}

void Table::add(std::vector<Cell> cells) {
    SERVO_ASSERT(cells.size() == columns_.size());
    for (Cell& cell : cells) {
        cell.text = one_line(cell.text);
    }
    rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out, bool wide, bool colour) const {
    std::vector<size_t> shown;
    std::vector<size_t> widths(columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) {
        if (wide || !columns_[i].wide_only) {
            shown.push_back(i);
        }
        widths[i] = display_width(columns_[i].title);
        for (const auto& row : rows_) {
            widths[i] = std::max(widths[i], display_width(row[i].text));
        }
    }
    const auto print_row = [&](const std::vector<Cell>& row) {
        size_t owed = 0;  // blanks, written only when something follows
        for (const size_t i : shown) {
            const size_t gap = widths[i] - display_width(row[i].text);
            const bool right = columns_[i].align == Align::kRight;
            owed += right ? gap : 0;
            if (!row[i].text.empty()) {
                pad(out, owed);
                owed = 0;
                out << paint(row[i].text, row[i].tone, colour);
            }
            owed += (right ? 0 : gap) + 2;
        }
        out << '\n';
    };
    std::vector<Cell> titles;
    for (const Column& column : columns_) {
        titles.emplace_back(column.title, Tone::kDim);
    }
    print_row(titles);
    for (const auto& row : rows_) {
        print_row(row);
    }
}

void Facts::add(std::string name, Cell value) {
    if (!value.text.empty()) {
        value.text = printable(value.text);
        rows_.emplace_back(std::move(name), std::move(value));
    }
}

void Facts::print(std::ostream& out, bool colour) const {
    size_t width = 0;
    for (const auto& [name, value] : rows_) {
        width = std::max(width, display_width(name));
    }
    for (const auto& [name, value] : rows_) {
        out << paint(name, Tone::kDim, colour);
        pad(out, width - display_width(name) + 2);
        size_t from = 0;
        for (;;) {
            const size_t end = value.text.find('\n', from);
            out << paint(value.text.substr(from, end - from), value.tone, colour) << '\n';
            if (end == std::string::npos) {
                break;
            }
            pad(out, width + 2);
            from = end + 1;
        }
    }
}

void Output::list(const ListDocument& document) {
    std::ostream& out = *environment_.out;
    switch (options_.format) {
        case Format::kTable:
        case Format::kWide:
            if (document.table.empty()) {
                if (!document.empty_note.empty()) {
                    note(document.empty_note);
                }
            } else {
                document.table.print(out, options_.format == Format::kWide, options_.colour_out);
            }
            break;
        case Format::kJson:
        case Format::kYaml: {
            boost::json::object page;
            page["items"] = document.items;
            page["next_page_token"] = document.next_page_token
                                          ? boost::json::value(*document.next_page_token)
                                          : boost::json::value(nullptr);
            out << (options_.format == Format::kJson ? api::to_pretty_text(page) : to_yaml(page));
            break;
        }
        case Format::kJsonl:
            for (const boost::json::value& item : document.items) {
                out << api::to_text(item) << '\n';
            }
            break;
        case Format::kName:
            for (const std::string& name : document.names) {
                out << name << '\n';
            }
            break;
    }
    out.flush();
}

void Output::thing(const ThingDocument& document) {
    std::ostream& out = *environment_.out;
    switch (options_.format) {
        case Format::kTable:
        case Format::kWide:
            out << document.text;
            break;
        case Format::kJson:
            out << api::to_pretty_text(document.json);
            break;
        case Format::kJsonl:
            out << api::to_text(document.json) << '\n';
            break;
        case Format::kYaml:
            out << to_yaml(document.json);
            break;
        case Format::kName:
            out << document.name << '\n';
            break;
    }
    out.flush();
}

void Output::line(std::string_view text) {
    *environment_.out << text << '\n' << std::flush;
}

void Output::note(std::string_view text) {
    if (!options_.quiet && !text.empty()) {
        *environment_.err << paint(printable(text), Tone::kDim, options_.colour_err) << '\n'
                          << std::flush;
    }
}

void Output::warn(std::string_view text) {
    *environment_.err << paint(printable(text), Tone::kWarn, options_.colour_err) << '\n'
                      << std::flush;
}

}  // namespace servo::cli
