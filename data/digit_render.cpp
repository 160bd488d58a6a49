// A glyph's points are jittered, bent, slanted, turned and scaled; its strokes become short segments; a
// pixel's brightness is its distance to the nearest segment, less the pen's radius there, through a soft
// edge. Arithmetic is + - * / sqrt in double: the same bytes on every machine.
#include "data/digit_render.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/philox.h"
#include "data/digit_strokes.h"

namespace linnet::data {
namespace {

constexpr int kStepsPerSpan = 6;

/// Numbers of one stream, in order.
class Draws {
 public:
  Draws(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}
  uint32_t word() {
    if (next_ == 4) {
      block_ = philox::block(seed_, stream_, index_++);
      next_ = 0;
    }
    return block_.word[next_++];
  }
  /// In [low, high).
  double between(double low, double high) { return low + (high - low) * (word() * 0x1p-32); }
  /// In (-size, size), the middle most likely.
  double spread(double size) {
    const double a = between(0, size);
    return a - between(0, size);
  }
  /// In [0, bound); bound far below 2^32.
  int below(int bound) { return static_cast<int>(uint64_t{word()} * static_cast<uint64_t>(bound) >> 32); }

 private:
  uint64_t seed_, stream_, index_ = 0;
  philox::Block block_{};
  int next_ = 4;
};

/// The way from the unit box to pixels.
class Distortion {
 public:
  explicit Distortion(Draws& draws)
      : bend_x_(draws.spread(0.35)), bend_y_(draws.spread(0.25)), slant_(draws.spread(0.4)) {
    const double half = draws.spread(0.16);  // tan of half the angle gives cosine and sine without a library
    cosine_ = (1 - half * half) / (1 + half * half);
    sine_ = 2 * half / (1 + half * half);
    height_ = draws.between(16.5, 22);
    width_ = height_ * draws.between(0.75, 1.15);
    centre_ = {0.5 * kDigitSide + draws.spread(2.5), 0.5 * kDigitSide + draws.spread(2.5)};
  }

  Point operator()(Point p) const {
    const double u = p.x - 0.5;
    const double v = p.y - 0.5;
    const double x = (u + bend_x_ * (v * v - 0.08) + slant_ * -v) * width_;
    const double y = (v + bend_y_ * (u * u - 0.03)) * height_;
    return {centre_.x + cosine_ * x - sine_ * y, centre_.y + sine_ * x + cosine_ * y};
  }

 private:
  double bend_x_, bend_y_, slant_;
  double cosine_, sine_, height_, width_;
  Point centre_;
};

/// Catmull-Rom between b and c, t in [0, 1].
Point on_curve(Point a, Point b, Point c, Point d, double t) {
  const auto along = [t](double p, double q, double r, double s) {
    return q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  };
  return {along(a.x, b.x, c.x, d.x), along(a.y, b.y, c.y, d.y)};
}

/// The smooth curve through `control`, as a chain of points. A curve that ends where it began closes
/// smoothly.
std::vector<Point> smooth(const std::vector<Point>& control) {
  const size_t n = control.size();
  const bool closed = n > 3 && control.front().x == control.back().x && control.front().y == control.back().y;
  const Point before = closed ? control[n - 2] : control.front();
  const Point after = closed ? control[1] : control.back();
  std::vector<Point> chain{control.front()};
  for (size_t i = 0; i + 1 < n; ++i) {
    const Point a = i == 0 ? before : control[i - 1];
    const Point d = i + 2 < n ? control[i + 2] : after;
    for (int step = 1; step <= kStepsPerSpan; ++step) {
      chain.push_back(on_curve(a, control[i], control[i + 1], d, static_cast<double>(step) / kStepsPerSpan));
    }
  }
  return chain;
}

/// Distance from each pixel's centre to the ink's border; negative inside the ink.
class Canvas {
 public:
  Canvas() { distance_.fill(kFar); }

  /// A segment whose pen has radius ra at `a` and rb at `b`.
  void line(Point a, Point b, double ra, double rb) {
    const double margin = std::max(ra, rb) + kFar;
    const auto [top, bottom] = range(std::min(a.y, b.y) - margin, std::max(a.y, b.y) + margin);
    const auto [left, right] = range(std::min(a.x, b.x) - margin, std::max(a.x, b.x) + margin);
    const double dx = b.x - a.x;
    const double dy = b.y - a.y;
    const double length2 = std::max(dx * dx + dy * dy, 1e-12);
    for (int64_t row = top; row < bottom; ++row) {
      for (int64_t column = left; column < right; ++column) {
        const double px = static_cast<double>(column) + 0.5 - a.x;
        const double py = static_cast<double>(row) + 0.5 - a.y;
        const double t = std::clamp((px * dx + py * dy) / length2, 0.0, 1.0);
        const double ex = px - t * dx;
        const double ey = py - t * dy;
        double& distance = distance_[static_cast<size_t>(row * kDigitSide + column)];
        distance = std::min(distance, std::sqrt(ex * ex + ey * ey) - (ra + t * (rb - ra)));
      }
    }
  }

  double distance(size_t pixel) const { return distance_[pixel]; }

 private:
  static constexpr double kFar = 2;

  static std::pair<int64_t, int64_t> range(double low, double high) {
    const double side = kDigitSide;
    return {static_cast<int64_t>(std::clamp(low, 0.0, side)),
            static_cast<int64_t>(std::clamp(high + 1, 0.0, side))};
  }

  std::array<double, kDigitPixels> distance_{};
};

void draw_stroke(Canvas& canvas, const std::vector<Point>& chain, double start_radius, double end_radius) {
  const double step = (end_radius - start_radius) / static_cast<double>(chain.size() - 1);
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    const double radius = start_radius + step * static_cast<double>(i);
    canvas.line(chain[i], chain[i + 1], radius, radius + step);
  }
}

void shade(const Canvas& canvas, Draws& draws, uint8_t* pixels) {
  const double edge = draws.between(0.9, 1.8);  // pixels from full ink to none
  const double ink = draws.between(190, 255);
  const double grain = draws.between(0, 22);
  for (size_t i = 0; i < kDigitPixels; ++i) {
    const double cover = std::clamp(0.5 - canvas.distance(i) / edge, 0.0, 1.0);
    const double noise = draws.spread(grain) * (0.4 + cover);
    pixels[i] = static_cast<uint8_t>(std::clamp(cover * ink + noise, 0.0, 255.0) + 0.5);
  }
}

}  // namespace

void render_digit(int digit, uint64_t seed, uint64_t stream, uint8_t* pixels) {
  Draws draws(seed, stream);
  const std::vector<Glyph>& ways = glyphs(digit);
  Glyph glyph = ways[static_cast<size_t>(draws.below(static_cast<int>(ways.size())))];
  const Distortion distortion(draws);
  for (Point& point : glyph.points) {
    point = distortion({point.x + draws.spread(0.06), point.y + draws.spread(0.05)});
  }
  const double radius = draws.between(0.75, 1.75);
  Canvas canvas;
  for (const std::vector<int>& stroke : glyph.strokes) {
    std::vector<Point> control;
    for (int index : stroke) control.push_back(glyph.points[static_cast<size_t>(index)]);
    const double start_radius = radius * draws.between(0.8, 1.2);
    draw_stroke(canvas, smooth(control), start_radius, radius * draws.between(0.7, 1.2));
  }
  shade(canvas, draws, pixels);
}

std::array<int, 10> shuffled_digits(uint64_t seed, uint64_t stream) {
  Draws draws(seed, stream);
  std::array<int, 10> digits{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (int left = 10; left > 1; --left) {
    std::swap(digits[static_cast<size_t>(left - 1)], digits[static_cast<size_t>(draws.below(left))]);
  }
  return digits;
}

}  // namespace linnet::data
