// What HTML pages and the drawings in them look like: one style sheet, readable on light and dark
// grounds and on paper; series differ in lightness as well as in hue.
#pragma once

#include <string>

namespace servo::report {

// Series beyond these begin anew with the first colour.
constexpr size_t kSeriesColours = 8;

// CSS class that colours the fill and the line of a series.
inline std::string series_class(size_t index) {
    return "s" + std::to_string(index % kSeriesColours);
}

inline constexpr const char* kStyleSheet = R"css(:root {
  --ground: #ffffff; --panel: #f5f6f8; --text: #1c2330; --soft: #5a6474; --rule: #d9dde4;
  --c0: #1f5fbf; --c1: #d9730d; --c2: #2b8a5f; --c3: #8a3fb0; --c4: #b3261e; --c5: #12808c;
  --c6: #8a6d00; --c7: #7a8190;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161d; --panel: #1b212b; --text: #e6e9ef; --soft: #a3adbd; --rule: #333c4a;
    --c0: #7db1ff; --c1: #ffab5e; --c2: #6fd3a3; --c3: #d39bf0; --c4: #ff8a80; --c5: #62d0dc;
    --c6: #e0c454; --c7: #aab2c0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--rule); }
p { margin: .5rem 0; max-width: 46rem; }
.subtitle, .empty, footer, figcaption { color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
  margin: 1.25rem 0 0; }
.facts div { background: var(--panel); border-radius: .5rem; padding: .65rem .9rem; }
.facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .75rem 0; font-size: .92rem; }
th, td { padding: .35rem 1.2rem .35rem 0; text-align: left; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1rem 0 1.5rem; }
figcaption { font-size: .92rem; margin-bottom: .25rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .25rem 0;
  padding: 0; font-size: .88rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem;
  margin-right: .4rem; vertical-align: -.05rem; background: currentColor; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; font-family: inherit; }
svg text.value { fill: var(--text); }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .line { fill: none; stroke: currentColor; stroke-width: 2; }
svg .dashed { stroke-dasharray: 6 4; }
svg .fill { fill: currentColor; }
svg .past { opacity: .38; }
.s0 { color: var(--c0); } .s1 { color: var(--c1); } .s2 { color: var(--c2); }
.s3 { color: var(--c3); } .s4 { color: var(--c4); } .s5 { color: var(--c5); }
.s6 { color: var(--c6); } .s7 { color: var(--c7); }
footer { margin-top: 2.5rem; font-size: .85rem; }
@media print { main { max-width: none; padding: 0; } section { break-inside: avoid; } }
)css";

}  // namespace servo::report
