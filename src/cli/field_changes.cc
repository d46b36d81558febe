#include "cli/field_changes.h"

#include "cli/output.h"
#include "cli/text.h"

namespace servo::cli {

std::string field_changes(
    const std::vector<api::FieldChange>& changes, const std::string& indent, bool colour
) {
    std::string text;
    for (const api::FieldChange& change : changes) {
        std::string line;
        Tone tone = Tone::kWarn;
        if (!change.before) {
            tone = Tone::kGood;
            line = "+ " + change.field + ": " + change.after.value_or("");
        } else if (!change.after) {
            tone = Tone::kBad;
            line = "- " + change.field + ": " + *change.before;
        } else {
            line = "~ " + change.field + ": " + *change.before + " → " + *change.after;
        }
        text += indent + paint(line, tone, colour) + '\n';
    }
    return text;
}

std::string describe_override(const std::optional<api::OverrideInfo>& info) {
    if (!info) {
        return "";
    }
    std::string text = "by " + info->by + " since " + when(info->since);
    if (info->until) {
        text += " until " + when(*info->until);
    }
    return info->reason.empty() ? text : text + ": " + info->reason;
}

}  // namespace servo::cli
