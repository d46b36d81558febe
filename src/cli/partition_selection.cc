#include "cli/partition_selection.h"

#include <algorithm>
#include <fstream>
#include <istream>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr size_t kLineShownMax = 60;

Error bad_file(const std::string& file, const std::string& what) {
    return invalid_argument("bad_partitions_file", "--partitions-file " + file + ": " + what + ".");
}

// One key a line; blank lines and lines that start with # are passed over.
Result<std::vector<std::string>> read_keys(
    const Environment& environment, const std::string& file
) {
    std::ifstream opened;
    std::istream* in = environment.in;
    if (file != "-") {
        opened.open(file);
        // A folder opens, and cannot be read.
        const bool readable = opened && (opened.peek(), !opened.bad());
        if (!readable) {
            return fail(bad_file(file, "it cannot be read"));
        }
        opened.clear();
        in = &opened;
    }
    std::vector<std::string> keys;
    std::string line;
    for (size_t number = 1; std::getline(*in, line); ++number) {
        if (valid_utf8_prefix(line) < line.size()) {
            return fail(bad_file(file, "line " + std::to_string(number) + " is not UTF-8 text"));
        }
        if (std::any_of(line.begin(), line.end(), [](char c) {
                return c != '\t' && c != '\r' && is_control(c);
            })) {
            return fail(bad_file(
                file,
                "line " + std::to_string(number) + " has a control character: \"" +
                    printable(line.substr(0, kLineShownMax)) + "\""
            ));
        }
        constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // of some editors
        if (number == 1 && line.starts_with(kByteOrderMark)) {
            line.erase(0, kByteOrderMark.size());
        }
        const size_t first = line.find_first_not_of(" \t\r");
        if (first == std::string::npos || line[first] == '#') {
            continue;
        }
        const size_t last = line.find_last_not_of(" \t\r");
        keys.push_back(line.substr(first, last - first + 1));
        if (keys.size() > api::kSelectionKeysMax) {
            return fail(bad_file(
                file,
                "it names more than " + count(api::kSelectionKeysMax) +
                    " partitions; split it, or use --start and --end"
            ));
        }
    }
    if (keys.empty()) {  // never the same as no file, which means everything
        return fail(invalid_argument(
            std::string(kNamesNothing), "--partitions-file " + file + " names no partition."
        ));
    }
    return keys;
}

void add_note(std::string& text, uint64_t number, const std::string& what) {
    if (number > 0) {
        text += "\n  " + count(number) + ' ' + what;
    }
}

}  // namespace

std::string describe_selection(const std::string& subject, const api::ResolvedSelection& resolved) {
    std::string text = subject + ": ";
    if (resolved.range_start) {
        text += "[" + *resolved.range_start + ", " + resolved.range_end.value_or("") + ") " +
                resolved.timezone + ", ";
    }
    text += counted(resolved.count, "partition", "partitions");
    if (resolved.count > 1) {
        text += ", " + resolved.first_key + " to " + resolved.last_key;
    } else if (resolved.count == 1) {
        text += ", " + resolved.first_key;
    }
    add_note(
        text,
        resolved.left_out_completed,
        "completed already, left out (--reprocess all redoes them)"
    );
    add_note(text, resolved.left_out_failed, "failed, left out (--reprocess failed redoes them)");
    add_note(text, resolved.left_out_skipped, "skipped, left out (--reprocess all redoes them)");
    add_note(text, resolved.cut_by_bounds, "outside the asset's own start and end, left out");
    add_note(text, resolved.not_yet_ended, "whose window has not ended yet, left out");
    return text;
}

Result<api::SelectionRequest> selection_of(
    const Environment& environment, const SelectionArgs& args
) {
    api::SelectionRequest selection{args.start, args.end, args.keys, {}};
    if (!args.keys_file.empty()) {
        if (!args.keys.empty()) {
            return fail(
                invalid_argument("usage", "Give --partition or --partitions-file, not both.")
            );
        }
        selection.keys = SERVO_TRY(read_keys(environment, args.keys_file));
    }
    if (!selection.keys.empty() && (!args.start.empty() || !args.end.empty())) {
        return fail(
            invalid_argument("usage", "Give --start and --end, or partitions by key, not both.")
        );
    }
    for (const std::string& dim : args.dims) {
        const size_t at = dim.find('=');
        const std::vector<std::string> values = at == std::string::npos
                                                    ? std::vector<std::string>()
                                                    : comma_words({dim.substr(at + 1)});
        if (at == 0 || values.empty()) {
            return fail(invalid_argument(
                "bad_dimension", "--dim \"" + dim + "\" must look like region=eu,us."
            ));
        }
        std::vector<std::string>& known = selection.dims[dim.substr(0, at)];
        known.insert(known.end(), values.begin(), values.end());
    }
    return selection;
}

}  // namespace servo::cli
