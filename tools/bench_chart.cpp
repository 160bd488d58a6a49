#include "tools/bench_chart.h"

#include <algorithm>

#include "core/format.h"
#include "tools/bench_measure.h"

namespace linnet::tool {
namespace {

constexpr double kLabel = 86, kBar = 150, kFigures = 140;  // widths within a panel
constexpr double kPanel = kLabel + kBar + kFigures;
constexpr double kMargin = 20, kHead = 66, kRow = 20, kPanelHead = 34;
constexpr int kPanelsAbreast = 3;

constexpr const char* kStyle = R"(<style>
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #4a4a48 }
  .title { font-size: 14px; font-weight: 600; fill: #1d1d1b }
  .page { fill: #ffffff }
  .axis { stroke: #8a8a85; stroke-width: 1 }
  .bar { fill: #2a6fcb }
  @media (prefers-color-scheme: dark) {
    text { fill: #c3c2bb }
    .title { fill: #f4f3ee }
    .page { fill: #1b1b19 }
    .axis { stroke: #85847d }
    .bar { fill: #6ea8f7 }
  }
</style>
)";

std::string escaped(const std::string& words) {
  std::string text;
  for (const char c : words) {
    if (c == '&') {
      text += "&amp;";
    } else if (c == '<') {
      text += "&lt;";
    } else if (c == '>') {
      text += "&gt;";
    } else if (c == '"') {
      text += "&quot;";
    } else {
      text += c;
    }
  }
  return text;
}

std::string text(double x, double y, const char* anchor, const std::string& words, const char* css = "") {
  const std::string attribute = *css ? format_text(" class=\"{}\"", css) : "";
  return format_text("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     attribute, escaped(words));
}

std::string draw(const ChartBar& bar, double left, double top, double scale) {
  const double base = left + kLabel;
  std::string svg = text(base - 8, top + 14, "end", bar.label);
  if (!bar.instead.empty()) return svg + text(base + 6, top + 14, "start", bar.instead);
  const double width = bar.flops * scale;
  svg += format_text("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" class=\"bar\"/>\n",
                     base, top + 3, width, kRow - 6);
  return svg + text(base + width + 6, top + 14, "start",
                    format_text("{:.3g} GFLOP/s, {}", bar.flops / 1e9, short_time(bar.seconds)));
}

std::string draw(const ChartPanel& panel, double left, double top, double scale) {
  std::string svg = text(left + kLabel, top + 18, "start", panel.title, "title");
  double y = top + kPanelHead - 6;
  svg += format_text("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" class=\"axis\"/>\n",
                     left + kLabel, y, y + kRow * static_cast<double>(panel.bars.size()));
  for (const ChartBar& bar : panel.bars) {
    svg += draw(bar, left, y, scale);
    y += kRow;
  }
  return svg;
}

}  // namespace

std::string bar_chart(const std::vector<ChartPanel>& panels, const ChartWords& words) {
  double most = 1;
  for (const ChartPanel& panel : panels) {
    for (const ChartBar& bar : panel.bars) most = std::max(most, bar.flops);
  }
  std::string body;
  double top = kHead;
  for (size_t first = 0; first < panels.size(); first += kPanelsAbreast) {
    const size_t end = std::min(panels.size(), first + kPanelsAbreast);
    size_t highest = 0;
    for (size_t i = first; i < end; ++i) {
      body += draw(panels[i], kMargin + static_cast<double>(i - first) * kPanel, top, kBar / most);
      highest = std::max(highest, panels[i].bars.size());
    }
    top += kPanelHead + kRow * static_cast<double>(highest) + 8;
  }
  const double width = 2 * kMargin + kPanelsAbreast * kPanel;
  std::string svg = format_text(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "role=\"img\" aria-label=\"{2}\">\n",
      width, top + kMargin, escaped(words.label));
  svg += kStyle;
  svg += format_text("<rect width=\"{}\" height=\"{}\" class=\"page\"/>\n", width, top + kMargin);
  svg += text(kMargin, 26, "start", words.title, "title");
  svg += text(kMargin, 46, "start", "One scale for all bars. " + words.note);
  return svg + body + "</svg>\n";
}

}  // namespace linnet::tool
