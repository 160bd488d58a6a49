// The curves of a training as SVG: two panels, loss and accuracy over epochs, with axes, grid and legend.
// Colours are CSS classes, so that the picture follows the viewer's light or dark scheme.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <linnet/train/history.h>
#include "core/format.h"

namespace linnet::train {
namespace {

constexpr double kWidth = 820, kHeight = 320;
constexpr double kPlotWidth = 330, kPlotHeight = 220;
constexpr double kTop = 58;
/// What is larger has diverged: beside it, nothing else could be seen, and differences may be infinite.
constexpr double kMostDrawn = 1e100;

constexpr const char* kStyle = R"(<style>
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #4a4a48 }
  .title { font-size: 14px; font-weight: 600; fill: #1d1d1b }
  .page { fill: #ffffff }
  .grid { stroke: #e3e3df; stroke-width: 1 }
  .axis { stroke: #8a8a85; stroke-width: 1 }
  .train { stroke: #2a6fcb; fill: #2a6fcb }
  .test { stroke: #c8500a; fill: #c8500a }
  .curve { stroke-width: 2; stroke-linejoin: round }
  polyline.curve { fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #c3c2bb }
    .title { fill: #f4f3ee }
    .page { fill: #1b1b19 }
    .grid { stroke: #363632 }
    .axis { stroke: #85847d }
    .train { stroke: #6ea8f7; fill: #6ea8f7 }
    .test { stroke: #f59a5b; fill: #f59a5b }
  }
</style>
)";

struct Curve {
  const char* css;  ///< "train" or "test"
  const char* label;
  std::vector<std::pair<double, double>> points;  ///< (epoch, value), all finite
};

/// What an axis shows: multiples of `step` from low to high.
struct Ticks {
  double low = 0, high = 1, step = 1;
  std::vector<double> values() const {
    std::vector<double> all;
    const auto count = static_cast<int>(std::lround((high - low) / step));
    for (int i = 0; i <= count; ++i) all.push_back(low + i * step);
    return all;
  }
};

/// The smallest of 1, 2, 5 times a power of ten that divides the span into at most `most` parts.
double round_step(double span, int most) {
  const double raw = span / most;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

/// Around [low, high], not beyond `cap`.
Ticks ticks_for(double low, double high, double cap) {
  if (high - low < 1e-9 * std::max(1.0, std::abs(high))) {
    const double around = std::max(std::abs(high) * 0.1, 1e-3);
    low -= around;
    high = std::min(high + around, cap);
  }
  const double step = round_step(high - low, 6);
  return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
}

struct Panel {
  const char* title;
  double left;  ///< of the plot
  std::vector<Curve> curves;
  Ticks y;
  double last_epoch;

  double x_of(double epoch) const {
    if (last_epoch <= 1) return left + kPlotWidth / 2;
    return left + (epoch - 1) / (last_epoch - 1) * kPlotWidth;
  }
  double y_of(double value) const { return kTop + (y.high - value) / (y.high - y.low) * kPlotHeight; }
};

std::string text(double x, double y, const char* anchor, const std::string& words, const char* css = "") {
  const std::string attribute = *css ? format_text(" class=\"{}\"", css) : "";
  return format_text("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     attribute, words);
}

std::string line(double x1, double y1, double x2, double y2, const char* css) {
  return format_text("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1,
                     x2, y2, css);
}

std::string axes(const Panel& panel) {
  std::string svg;
  for (double value : panel.y.values()) {
    const double y = panel.y_of(value);
    svg += line(panel.left, y, panel.left + kPlotWidth, y, "grid");
    // Adding up steps leaves a rounding error near 0, which would print as -1e-17.
    svg += text(panel.left - 8, y + 4, "end", format_text("{:.6g}", std::abs(value) < 1e-12 ? 0 : value));
  }
  const double bottom = kTop + kPlotHeight;
  svg += line(panel.left, bottom, panel.left + kPlotWidth, bottom, "axis");
  const double step = panel.last_epoch <= 10 ? 1 : std::max(1.0, round_step(panel.last_epoch, 10));
  for (double epoch = step; epoch <= panel.last_epoch; epoch += step) {
    svg += line(panel.x_of(epoch), bottom, panel.x_of(epoch), bottom + 4, "axis");
    svg += text(panel.x_of(epoch), bottom + 18, "middle", format_text("{:.0f}", epoch));
  }
  return svg + text(panel.left + kPlotWidth / 2, bottom + 36, "middle", "epoch");
}

std::string curve(const Panel& panel, const Curve& curve) {
  std::string path, dots;
  for (const auto& [epoch, value] : curve.points) {
    const double x = panel.x_of(epoch), y = panel.y_of(value);
    path += format_text("{}{:.1f},{:.1f}", path.empty() ? "" : " ", x, y);
    dots += format_text("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" class=\"{}\"/>\n", x, y, curve.css);
  }
  return format_text("<polyline points=\"{}\" class=\"{} curve\"/>\n", path, curve.css) + dots;
}

/// Title on the left, a line and a name for each curve on the right.
std::string heading(const Panel& panel) {
  std::string svg = text(panel.left, kTop - 24, "start", panel.title, "title");
  double right = panel.left + kPlotWidth;
  for (auto it = panel.curves.rbegin(); it != panel.curves.rend(); ++it) {
    svg += text(right, kTop - 24, "end", it->label);
    right -= 7.2 * static_cast<double>(std::string(it->label).size()) + 6;
    svg += line(right - 20, kTop - 28, right, kTop - 28, format_text("{} curve", it->css).c_str());
    right -= 36;
  }
  return svg;
}

std::string draw(const Panel& panel) {
  std::string svg = heading(panel) + axes(panel);
  for (const Curve& each : panel.curves) svg += curve(panel, each);
  return svg;
}

Curve curve_of(const History& history, const char* css, const char* label, double EpochRecord::*value,
               double factor = 1) {
  Curve curve{css, label, {}};
  for (const EpochRecord& record : history.epochs) {
    if (!(std::abs(record.*value) <= kMostDrawn)) continue;
    curve.points.emplace_back(static_cast<double>(record.epoch), factor * record.*value);
  }
  return curve;
}

/// For axes that reach down to `lowest`, and nowhere above `cap`.
Ticks ticks_of(const std::vector<Curve>& curves, double lowest, double cap) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const Curve& curve : curves) {
    for (const auto& [epoch, value] : curve.points) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) return {};
  return ticks_for(std::min(low, lowest), high, cap);
}

}  // namespace

std::string curves_svg(const History& history) {
  std::string svg = format_text(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "role=\"img\" aria-label=\"loss and accuracy over epochs\">\n",
      kWidth, kHeight);
  svg += kStyle;
  svg += format_text("<rect width=\"{}\" height=\"{}\" class=\"page\"/>\n", kWidth, kHeight);
  if (history.epochs.empty()) {
    svg += text(kWidth / 2, kHeight / 2, "middle", "no epoch was finished", "title");
    return svg + "</svg>\n";
  }
  const auto last_epoch = static_cast<double>(history.epochs.back().epoch);
  Panel loss{"loss", 58, {}, {}, last_epoch};
  loss.curves = {curve_of(history, "train", "training", &EpochRecord::train_loss),
                 curve_of(history, "test", "test", &EpochRecord::test_loss)};
  loss.y = ticks_of(loss.curves, 0, HUGE_VAL);
  Panel accuracy{"accuracy, %", 58 + kPlotWidth + 86, {}, {}, last_epoch};
  accuracy.curves = {curve_of(history, "test", "test", &EpochRecord::test_accuracy, 100)};
  accuracy.y = ticks_of(accuracy.curves, HUGE_VAL, 100);
  svg += draw(loss) + draw(accuracy);
  return svg + "</svg>\n";
}

}  // namespace linnet::train
