#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/document.h"
#include "report/style.h"

namespace servo::report {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 320;
constexpr double kTop = 14;
constexpr double kRight = 18;
constexpr double kBottom = 48;      // tick labels and the axis title
constexpr double kCharacter = 6.8;  // width of a 12px digit, rounded up
constexpr int kTicks = 5;
constexpr size_t kNameCharactersMax = 28;
constexpr double kRowHeight = 30;
constexpr double kPairHeight = 40;  // of two bars, each with its value
constexpr double kBarHeight = 15;

std::string number(double value) {
    return fmt::format("{:.1f}", value);
}

size_t characters(std::string_view text) {
    size_t count = 0;
    for (const char c : text) {
        count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

double text_width(std::string_view text) {
    return kCharacter * static_cast<double>(characters(text));
}

size_t next_character(const std::string& text, size_t at) {
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) {
        ++at;
    }
    return at;
}

// A long name keeps its beginning, where the tenant stands, and its end.
std::string shortened(const std::string& name) {
    if (characters(name) <= kNameCharactersMax) {
        return name;
    }
    constexpr size_t kEnd = (kNameCharactersMax - 1) / 2;
    const std::string first = name.substr(0, next_character(name, kNameCharactersMax - 1 - kEnd));
    return first + "…" + name.substr(next_character(name, name.size() - kEnd));
}

std::string text_at(
    double x, double y, const char* anchor, std::string_view text, const char* kind = ""
) {
    return fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"{}>{}</text>\n",
        number(x),
        number(y),
        anchor,
        *kind == '\0' ? "" : fmt::format(" class=\"{}\"", kind),
        escape_html(text)
    );
}

std::string line_at(double x1, double y1, double x2, double y2, const char* kind) {
    return fmt::format(
        "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n",
        number(x1),
        number(y1),
        number(x2),
        number(y2),
        kind
    );
}

std::string box(
    double x,
    double y,
    double width,
    double height,
    size_t colour,
    const std::string& title,
    bool past = false
) {
    return fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" class=\"fill {}{}\">"
        "<title>{}</title></rect>\n",
        number(x),
        number(y),
        number(width),
        number(height),
        series_class(colour),
        past ? " past" : "",
        escape_html(title)
    );
}

std::string svg(double height, const std::string& label, const std::string& content) {
    return fmt::format(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
        number(kWidth),
        number(height),
        escape_html(label),
        content
    );
}

// The frame of a plot with a y axis: grid, ticks, titles. Its left edge is as far in as the widest
// tick label needs.
struct Frame {
    double left = 0;
    double top_value = 1;
    std::string content;

    double right() const { return kWidth - kRight; }
    double bottom() const { return kHeight - kBottom; }
    double y(double value) const { return bottom() - (bottom() - kTop) * value / top_value; }
};

Frame make_frame(
    double most, double least_step, const std::string& x_title, const std::string& y_title
) {
    Frame frame;
    const std::vector<double> ticks = round_ticks(most, kTicks, least_step);
    frame.top_value = ticks.back();
    double widest = 0;
    for (const double tick : ticks) {
        widest = std::max(widest, text_width(short_number(tick)));
    }
    frame.left = 30 + widest;
    for (const double tick : ticks) {
        const double y = frame.y(tick);
        frame.content += line_at(frame.left, y, frame.right(), y, tick == 0 ? "axis" : "grid");
        frame.content += text_at(frame.left - 8, y + 4, "end", short_number(tick));
    }
    frame.content += text_at((frame.left + frame.right()) / 2, kHeight - 8, "middle", x_title);
    const double middle = (kTop + frame.bottom()) / 2;
    frame.content += fmt::format(
        "<text x=\"14\" y=\"{0}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {0})\">{1}"
        "</text>\n",
        number(middle),
        escape_html(y_title)
    );
    return frame;
}

// Labels along the x axis; one that would touch the label before it is left out.
class AxisLabels {
 public:
    explicit AxisLabels(double y) : y_(y) {}
    void add(double x, const std::string& text) {
        const double half = text_width(text) / 2;
        if (x - half < taken_to_ + kCharacter) {
            return;
        }
        taken_to_ = x + half;
        content_ += text_at(x, y_, "middle", text);
    }
    const std::string& content() const { return content_; }

 private:
    double y_;
    double taken_to_ = -1'000;
    std::string content_;
};

// Names to the left of rows, as wide as they need.
double names_width(const std::vector<std::string>& names) {
    double widest = 0;
    for (const std::string& name : names) {
        widest = std::max(widest, text_width(shortened(name)));
    }
    return widest + 14;
}

std::string draw_series(
    const Series& series, double left, double right, double x_top, const Frame& frame
) {
    const auto x_of = [&](double x) { return left + (right - left) * x / x_top; };
    std::string out;
    if (series.mark == Mark::kDots) {
        for (const Point& point : series.points) {
            out += fmt::format(
                "<circle cx=\"{}\" cy=\"{}\" r=\"4.5\" class=\"fill {}\"><title>{}: {}"
                "</title></circle>\n",
                number(x_of(point.x)),
                number(frame.y(point.y)),
                series_class(series.colour),
                short_number(point.x),
                short_number(point.y)
            );
        }
        return out;
    }
    for (const Point& point : series.points) {
        out += fmt::format(
            "{}{},{}", out.empty() ? "" : " ", number(x_of(point.x)), number(frame.y(point.y))
        );
    }
    return fmt::format(
        "<polyline points=\"{}\" class=\"line{} {}\"/>\n",
        out,
        series.mark == Mark::kDashedLine ? " dashed" : "",
        series_class(series.colour)
    );
}

}  // namespace

std::vector<double> round_ticks(double top, int wanted, double least) {
    if (!(top > 0) || wanted < 1) {
        return {0, 1};
    }
    const double raw = std::max(top / wanted, least);
    const double power = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * power;
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= raw * (1 - 1e-9)) {
            step = factor * power;
            break;
        }
    }
    const int last = static_cast<int>(std::ceil(top / step - 1e-9));
    std::vector<double> out;
    for (int i = 0; i <= last; ++i) {
        out.push_back(step * i);
    }
    return out;
}

std::string short_number(double value) {
    struct Unit {
        double size;
        const char* name;
    };
    constexpr std::array<Unit, 4> kUnits = {{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}}};
    for (const Unit& unit : kUnits) {
        // What would be rounded up to the next unit is written in it.
        if (std::abs(value) >= unit.size * 0.9995) {
            return fmt::format("{:.3g}{}", value / unit.size, unit.name);
        }
    }
    return std::abs(value) < 5e-5 ? "0" : fmt::format("{:.2g}", value);
}

std::string draw(const LinePlot& plot) {
    double x_top = 0;
    double y_top = 0;
    for (const Series& series : plot.series) {
        for (const Point& point : series.points) {
            x_top = std::max(x_top, point.x);
            y_top = std::max(y_top, point.y);
        }
    }
    Frame frame = make_frame(y_top, 0, plot.x_title, plot.y_title);
    const std::vector<double> marks = plot.x_marks.empty() ? round_ticks(x_top, 8) : plot.x_marks;
    x_top = std::max({x_top, marks.back(), 1e-9});
    const double right = frame.right() - 12;  // room for the last label
    AxisLabels labels(frame.bottom() + 18);
    for (const double mark : marks) {
        const double x = frame.left + (right - frame.left) * mark / x_top;
        frame.content += line_at(x, frame.bottom(), x, frame.bottom() + 4, "axis");
        labels.add(x, short_number(mark));
    }
    frame.content += labels.content();
    for (const Series& series : plot.series) {
        frame.content += draw_series(series, frame.left, right, x_top, frame);
    }
    return svg(kHeight, plot.y_title + " by " + plot.x_title, frame.content);
}

std::string draw(const BarPlot& plot) {
    std::vector<std::string> names;
    double most = 0;
    double widest_value = 0;
    bool paired = false;
    for (const Bar& bar : plot.bars) {
        names.push_back(bar.name);
        most = std::max({most, bar.value, bar.before.value_or(0)});
        widest_value = std::max({widest_value, text_width(bar.text), text_width(bar.before_text)});
        paired = paired || bar.before;
    }
    const double left = names_width(names);
    const double width = kWidth - left - widest_value - 16;
    double y = 4;
    std::string content;
    const auto add = [&](double top,
                         double value,
                         const std::string& text,
                         const Bar& bar,
                         bool past) {
        const double length = most > 0 ? width * value / most : 0;
        content += box(
            left, top, length, kBarHeight, 0, bar.name + (past ? ", before: " : ": ") + text, past
        );
        content += text_at(left + length + 6, top + 12, "start", text, past ? "" : "value");
    };
    for (const Bar& bar : plot.bars) {
        const double middle = y + (bar.before ? kBarHeight + 1 : kBarHeight / 2);
        content += text_at(left - 8, middle + 4, "end", shortened(bar.name), "value");
        add(y, bar.value, bar.text, bar, false);
        if (bar.before) {
            add(y + kBarHeight + 2, *bar.before, bar.before_text, bar, true);
        }
        y += paired ? kPairHeight : kRowHeight - 6;
    }
    content += line_at(left, 0, left, y - 4, "axis");
    content += text_at(left + width / 2, y + 12, "middle", plot.x_title);
    return svg(y + 20, plot.x_title, content);
}

std::string draw(const ColumnPlot& plot) {
    double most = 0;
    for (size_t step = 0; step < plot.steps.size(); ++step) {
        double sum = 0;
        for (const auto& series : plot.series) {
            sum += series[step];
        }
        most = std::max(most, sum);
    }
    Frame frame = make_frame(most, plot.whole ? 1 : 0, plot.x_title, plot.y_title);
    const double pitch =
        (frame.right() - frame.left) / static_cast<double>(std::max<size_t>(plot.steps.size(), 1));
    const double width = std::min(pitch * 0.72, 56.0);
    // Every step is labelled, or every second, third …: as many as fit.
    double widest = 0;
    for (const std::string& name : plot.steps) {
        widest = std::max(widest, text_width(name));
    }
    const auto stride =
        static_cast<size_t>(std::max(1.0, std::ceil((widest + kCharacter) / pitch)));
    for (size_t step = 0; step < plot.steps.size(); ++step) {
        const double middle = frame.left + pitch * (static_cast<double>(step) + 0.5);
        double below = 0;
        for (size_t i = 0; i < plot.series.size(); ++i) {
            const double value = plot.series[i][step];
            if (value > 0) {
                const double top = frame.y(below + value);
                frame.content +=
                    box(middle - width / 2,
                        top,
                        width,
                        frame.y(below) - top,
                        i,
                        plot.steps[step] + ": " + short_number(value));
                below += value;
            }
        }
        if (step % stride == 0) {
            frame.content += text_at(middle, frame.bottom() + 18, "middle", plot.steps[step]);
        }
    }
    return svg(kHeight, plot.y_title + " by " + plot.x_title, frame.content);
}

std::string draw(const SharePlot& plot) {
    std::vector<std::string> names;
    for (const ShareRow& row : plot.rows) {
        names.push_back(row.name);
    }
    const double left = names_width(names);
    const double width = kWidth - left - 28;
    double y = 4;
    std::string content;
    for (const ShareRow& row : plot.rows) {
        content += text_at(left - 8, y + 15, "end", shortened(row.name), "value");
        double from = left;
        for (size_t i = 0; i < row.shares.size(); ++i) {
            const double length = width * row.shares[i];
            if (length > 0) {
                content += box(from, y, length, 21, i, row.name + ": " + percent(row.shares[i]));
            }
            from += length;
        }
        y += kRowHeight;
    }
    for (const int mark : {0, 25, 50, 75, 100}) {
        const double x = left + width * mark / 100;
        content += line_at(x, y - 4, x, y, "axis");
        content += text_at(x, y + 14, "middle", fmt::format("{} %", mark));
    }
    content += line_at(left, y - 4, left + width, y - 4, "axis");
    content += text_at(left + width / 2, y + 34, "middle", plot.x_title);
    return svg(y + 42, plot.x_title, content);
}

}  // namespace servo::report
