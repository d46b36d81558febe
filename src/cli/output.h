// What goes to stdout: one document in the form the user asked for. Commands say what the document
// is (JSON from the wire structs, a table for people, names for pipes); Output picks.
// Not thread-safe.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/environment.h"

namespace servo::cli {

enum class Format { kTable, kWide, kJson, kJsonl, kYaml, kName };
// Error: invalid_argument / "bad_output_format".
Result<Format> format_from(std::string_view word);

constexpr bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
// Foreign text as a terminal may get it: control characters and bytes that are no UTF-8 become
// "\x1b" and the like, tabs and carriage returns become blanks; line ends stay.
std::string printable(std::string_view text);

enum class Align { kLeft, kRight };
struct Column {
    std::string title;
    Align align = Align::kLeft;
    bool wide_only = false;
};

enum class Tone { kPlain, kGood, kBad, kWarn, kDim };

struct Cell {
    std::string text;
    Tone tone = Tone::kPlain;
    Cell(std::string t, Tone o = Tone::kPlain) : text(std::move(t)), tone(o) {}  // NOLINT
    Cell(const char* t, Tone o = Tone::kPlain) : text(t), tone(o) {}             // NOLINT
};

class Table {
 public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    // As many cells as columns (asserted).
    void add(std::vector<Cell> cells);
    bool empty() const { return rows_.empty(); }
    size_t size() const { return rows_.size(); }
    void print(std::ostream& out, bool wide, bool colour) const;

 private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

// "KEY   value" lines, keys aligned; a value of several lines is indented under its key.
class Facts {
 public:
    // An empty value is left out.
    void add(std::string name, Cell value);
    void print(std::ostream& out, bool colour) const;

 private:
    std::vector<std::pair<std::string, Cell>> rows_;
};

std::string paint(std::string_view text, Tone tone, bool colour);
// Columns that `text` takes on a terminal (UTF-8 code points).
size_t display_width(std::string_view text);

// Tone of a job's or partition's state.
Tone tone_of_state(std::string_view state);

// A list of things: items as JSON objects, the table, and the names for `-o name`.
struct ListDocument {
    boost::json::array items;
    std::optional<std::string> next_page_token;
    Table table;
    std::vector<std::string> names;
    std::string empty_note;  // to stderr when there is nothing, e.g. "no backfills"
};

// One thing: JSON, its name, and a text for people (already laid out).
struct ThingDocument {
    boost::json::value json;
    std::string name;
    std::string text;
};

struct OutputOptions {
    Format format = Format::kTable;
    bool format_given = false;
    bool colour_out = false;
    bool colour_err = false;
    bool quiet = false;
};

class Output {
 public:
    Output(const Environment& environment, OutputOptions options)
        : environment_(environment), options_(options) {}

    Format format() const { return options_.format; }
    // True when the document is for people rather than for a program.
    bool for_people() const {
        return options_.format == Format::kTable || options_.format == Format::kWide;
    }
    bool format_given() const { return options_.format_given; }
    bool quiet() const { return options_.quiet; }
    bool colour_out() const { return options_.colour_out; }

    void list(const ListDocument& document);
    void thing(const ThingDocument& document);
    // A line that is the result itself, such as an id.
    void line(std::string_view text);
    std::ostream& out() { return *environment_.out; }

    // Echo or progress: stderr, unless --quiet.
    void note(std::string_view text);
    // Something that must be seen: stderr, always.
    void warn(std::string_view text);

 private:
    const Environment& environment_;
    OutputOptions options_;
};

// Block style, text always quoted, so that `no` and `01` stay text.
std::string to_yaml(const boost::json::value& json);

}  // namespace servo::cli
