#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "base/utf8.h"

namespace servo::config {
namespace {

constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";
constexpr std::string_view kMergeKey = "<<";

// Ends a parse early; caught in parse_yaml.
struct Refused {
    FieldError problem;
};

size_t height(const YamlNode& node) {
    size_t below = 0;
    for (const YamlNode& item : node.items) {
        below = std::max(below, height(item));
    }
    for (const YamlEntry& entry : node.entries) {
        below = std::max(below, height(entry.value));
    }
    return below + 1;
}

class TreeBuilder : public YAML::EventHandler {
 public:
    explicit TreeBuilder(std::string_view source) : source_(source) {}

    YamlNode take_root() { return std::move(root_); }
    std::vector<FieldError> take_problems() { return std::move(problems_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) {
            refuse(mark, "A second document starts here; write one document per file.");
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        YamlNode node = make(mark, YamlNode::Kind::kNull);
        // The parser drops what was typed, and a list of keys may well contain the word `null`.
        const auto position = static_cast<size_t>(std::max(mark.pos, 0));
        for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
            if (position < source_.size() && source_.substr(position).starts_with(word)) {
                node.text = word;
            }
        }
        finish(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            refuse(mark, "This alias points at something that contains it.");
        }
        if (open_.size() + height(found->second) > kYamlDepthMax) {
            refuse(mark, too_deep());
        }
        count(mark, count_nodes(found->second));
        finish(found->second, YAML::NullAnchor);
    }

    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value
    ) override {
        YamlNode node = make(mark, YamlNode::Kind::kScalar);
        check_tag(mark, tag);
        node.quoted = tag == "!" || tag == kStringTag;
        node.text = value;
        if (value.find('\0') != std::string::npos) {
            refuse(mark, "Text must not contain a NUL character.");
        }
        finish(std::move(node), anchor);
    }

    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        open(mark, tag, anchor, YamlNode::Kind::kSequence);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        open(mark, tag, anchor, YamlNode::Kind::kMapping);
    }
    void OnMapEnd() override {
        merge_sources(open_.back());
        close();
    }

 private:
    // A sequence or mapping whose end has not been seen.
    struct Open {
        YamlNode node;
        YAML::anchor_t anchor = YAML::NullAnchor;
        std::optional<YamlEntry> pending;  // key seen, value not yet
        std::map<std::string, int> lines;  // keys so far → line
        std::vector<YamlNode> merges;      // values of `<<`
    };

    static std::string too_deep() {
        return fmt::format("Nested more than {} levels deep.", kYamlDepthMax);
    }

    [[noreturn]] static void refuse(const YAML::Mark& mark, std::string message) {
        throw Refused{FieldError{"", mark.line + 1, std::move(message)}};
    }

    static void check_tag(const YAML::Mark& mark, const std::string& tag) {
        const bool usual = tag.empty() || tag == "?" || tag == "!" || tag == kStringTag;
        if (!usual) {
            refuse(mark, fmt::format("The tag \"{}\" has no meaning here; remove it.", tag));
        }
    }

    void count(const YAML::Mark& mark, size_t nodes) {
        nodes_ += nodes;
        if (nodes_ > kYamlNodesMax) {
            refuse(
                mark,
                fmt::format("The file has more than {} values, aliases expanded.", kYamlNodesMax)
            );
        }
    }

    YamlNode make(const YAML::Mark& mark, YamlNode::Kind kind) {
        count(mark, 1);
        YamlNode node;
        node.kind = kind;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        return node;
    }

    void open(
        const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind
    ) {
        check_tag(mark, tag);
        if (open_.size() + 1 > kYamlDepthMax) {
            refuse(mark, too_deep());
        }
        if (!open_.empty() && open_.back().node.kind == YamlNode::Kind::kMapping &&
            !open_.back().pending) {
            refuse(mark, "A key must be a plain word, not a list or a mapping.");
        }
        Open next;
        next.node = make(mark, kind);
        next.anchor = anchor;
        open_.push_back(std::move(next));
    }

    void close() {
        YamlNode node = std::move(open_.back().node);
        const YAML::anchor_t anchor = open_.back().anchor;
        open_.pop_back();
        finish(std::move(node), anchor);
    }

    std::string path(std::string_view last) const {
        std::string out;
        for (const Open& frame : open_) {
            if (frame.pending) {
                out += (out.empty() ? "" : ".") + frame.pending->name;
            } else if (frame.node.kind == YamlNode::Kind::kSequence) {
                out += fmt::format("[{}]", frame.node.items.size());
            }
        }
        return out.empty() ? std::string(last) : out + "." + std::string(last);
    }

    void problem(std::string field, int line, std::string message) {
        if (problems_.size() < kYamlErrorsMax) {
            problems_.push_back({std::move(field), line, std::move(message)});
        }
    }

    static void check_entries(const Open& frame, int line) {
        if (frame.lines.size() > kYamlEntriesMax) {
            throw Refused{FieldError{
                "", line, fmt::format("A mapping has more than {} keys.", kYamlEntriesMax)}};
        }
    }

    // A complete node arrives: it is the root, an item, a key or a value.
    void finish(YamlNode node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            const YAML::Mark mark = [&node] {
                YAML::Mark at;
                at.line = node.line - 1;
                return at;
            }();
            count(mark, count_nodes(node));
            anchors_.insert_or_assign(anchor, node);
        }
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.node.kind == YamlNode::Kind::kSequence) {
            parent.node.items.push_back(std::move(node));
        } else if (!parent.pending) {
            begin_entry(parent, std::move(node));
        } else {
            end_entry(parent, std::move(node));
        }
    }

    void begin_entry(Open& parent, YamlNode key) {
        if (key.kind != YamlNode::Kind::kScalar && key.text.empty()) {
            throw Refused{FieldError{path("?"), key.line, "A key must be a plain word."}};
        }
        parent.pending = YamlEntry{key.text, key.line, {}};
        if (key.text == kMergeKey && !key.quoted) {
            return;
        }
        const auto [seen, is_new] = parent.lines.emplace(key.text, key.line);
        check_entries(parent, key.line);
        if (!is_new) {
            const std::string name = parent.pending->name;
            parent.pending.reset();
            problem(
                path(name),
                key.line,
                fmt::format("\"{}\" is given twice, first on line {}.", name, seen->second)
            );
            parent.pending = YamlEntry{name, key.line, {}};
        }
    }

    void end_entry(Open& parent, YamlNode value) {
        if (parent.pending->name == kMergeKey && !parent.lines.contains(std::string(kMergeKey))) {
            parent.merges.push_back(std::move(value));
        } else {
            parent.pending->value = std::move(value);
            parent.node.entries.push_back(*std::move(parent.pending));
        }
        parent.pending.reset();
    }

    // `<<: *a` or `<<: [*a, *b]`: keys that the mapping lacks, the first source first.
    void merge_sources(Open& frame) {
        for (const YamlNode& merge : frame.merges) {
            const bool is_list = merge.kind == YamlNode::Kind::kSequence;
            const std::vector<YamlNode> single =
                is_list ? std::vector<YamlNode>() : std::vector<YamlNode>{merge};
            for (const YamlNode& source : is_list ? merge.items : single) {
                if (source.kind != YamlNode::Kind::kMapping) {
                    problem(
                        path(kMergeKey), source.line, "\"<<\" takes mappings, such as <<: *base."
                    );
                    continue;
                }
                for (const YamlEntry& entry : source.entries) {
                    if (frame.lines.emplace(entry.name, entry.line).second) {
                        check_entries(frame, source.line);
                        frame.node.entries.push_back(entry);
                    }
                }
            }
        }
    }

    std::string_view source_;
    int documents_ = 0;
    size_t nodes_ = 0;
    YamlNode root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, YamlNode> anchors_;
    std::vector<FieldError> problems_;
};

Error invalid_yaml(std::vector<FieldError> problems) {
    const FieldError& first = problems.front();
    Error error = invalid_argument(
        "invalid_yaml", fmt::format("Line {}: {}", std::max(first.line, 1), first.message)
    );
    error.fields = std::move(problems);
    return error;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
    for (const YamlEntry& entry : entries) {
        if (entry.name == name) {
            return &entry.value;
        }
    }
    return nullptr;
}

YamlNode* YamlNode::find(std::string_view name) {
    return const_cast<YamlNode*>(std::as_const(*this).find(name));
}

size_t count_nodes(const YamlNode& node) {
    size_t count = 1;
    for (const YamlNode& item : node.items) {
        count += count_nodes(item);
    }
    for (const YamlEntry& entry : node.entries) {
        count += 1 + count_nodes(entry.value);
    }
    return count;
}

std::string_view describe_kind(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::kNull:
            return "nothing";
        case YamlNode::Kind::kScalar:
            return "text";
        case YamlNode::Kind::kSequence:
            return "a list";
        case YamlNode::Kind::kMapping:
            return "a mapping";
    }
    return "nothing";
}

Result<YamlNode> parse_yaml(std::string_view text) {
    if (text.size() > kYamlBytesMax) {
        return fail(invalid_yaml(
            {{"",
              0,
              fmt::format(
                  "The file has {} bytes; at most {} are read. Split it: "
                  "`servo apply` takes folders.",
                  text.size(),
                  kYamlBytesMax
              )}}
        ));
    }
    if (text.starts_with("\xef\xbb\xbf")) {
        text.remove_prefix(3);
    }
    if (const size_t bad = std::min(valid_utf8_prefix(text), text.find('\0')); bad < text.size()) {
        return fail(invalid_yaml(
            {{"", static_cast<int>(place_of(text, bad).line), "The file is not UTF-8 text."}}
        ));
    }
    TreeBuilder builder(text);
    std::vector<FieldError> problems;
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        problems = builder.take_problems();
    } catch (const Refused& refused) {
        problems = builder.take_problems();
        problems.push_back(refused.problem);
    } catch (const YAML::Exception& error) {
        problems = builder.take_problems();
        problems.push_back(
            {"", error.mark.line + 1, fmt::format("This is not valid YAML: {}.", error.msg)}
        );
    }
    if (!problems.empty()) {
        return fail(invalid_yaml(std::move(problems)));
    }
    return builder.take_root();
}

}  // namespace servo::config
