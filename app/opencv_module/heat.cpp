// The module's side: draws heat over an image by OpenCV.

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "opencv_module/entry.h"

namespace clip_cli {
namespace {

constexpr int kMinSide = 288;   // of an image that is drawn, its longer side, in pixels
constexpr int kNarrowGap = 4;   // between the two of a thumbnail
constexpr int kGap = 16;        // around panels
constexpr int kCaption = 24;    // pixels below a panel, for its caption
constexpr int kMaxColumns = 4;  // panels side by side
constexpr double kFont = 0.45;
constexpr double kMaxCover = 0.65;  // of the image by the heat
constexpr double kOutside = 0.35;   // brightness of what the model does not see
constexpr int kFontFace = cv::FONT_HERSHEY_SIMPLEX;

const cv::Scalar kInk(40, 36, 32), kPaper(255, 255, 255);

int rounded(double value) {
  return static_cast<int>(std::lround(value));
}

class Drawing {
 public:
  explicit Drawing(const HeatDrawing& drawing) : drawing_(drawing) {
    const cv::Mat given(drawing.height, drawing.width, CV_8UC3,
                        const_cast<std::uint8_t*>(drawing.pixels.data()));
    const int longest = std::max(drawing.width, drawing.height);
    if (!drawing.thumbnail && longest < kMinSide) scale_ = double(kMinSide) / longest;
    const cv::Size size(std::max(rounded(drawing.width * scale_), 1),
                        std::max(rounded(drawing.height * scale_), 1));
    cv::resize(given, image_, size, 0, 0, scale_ > 1 ? cv::INTER_CUBIC : cv::INTER_AREA);
    // The grid in pixels of what is drawn; parts of it may lie outside.
    frame_ = cv::Rect(rounded(drawing.left * scale_), rounded(drawing.top * scale_),
                      std::max(rounded(drawing.across * scale_), 1),
                      std::max(rounded(drawing.down * scale_), 1));
    inside_ = frame_ & cv::Rect(0, 0, image_.cols, image_.rows);
  }

  cv::Mat draw() const {
    const int count = static_cast<int>(drawing_.panels.size()) + 1;
    const int columns = std::min(count, kMaxColumns), rows = (count + columns - 1) / columns;
    const int margin = drawing_.thumbnail ? 0 : kGap, gap = drawing_.thumbnail ? kNarrowGap : kGap;
    const int caption = drawing_.thumbnail ? 0 : kCaption;
    const int across = image_.cols + gap, down = image_.rows + caption + gap;
    cv::Mat canvas(rows * down - gap + 2 * margin, columns * across - gap + 2 * margin, CV_8UC3,
                   kPaper);
    for (int i = 0; i < count; ++i) {
      const cv::Rect place(margin + i % columns * across, margin + i / columns * down, image_.cols,
                           image_.rows);
      if (i == 0) {
        image_.copyTo(canvas(place));
        continue;
      }
      const HeatPanel& each = drawing_.panels[static_cast<std::size_t>(i - 1)];
      panel(each).copyTo(canvas(place));
      if (!each.caption.empty()) draw_caption(each.caption, place, &canvas);
    }
    return canvas;
  }

 private:
  cv::Mat panel(const HeatPanel& panel) const {
    cv::Mat drawn = image_.clone();
    if (inside_.empty()) return drawn;
    cv::Mat outside;
    drawn.convertTo(outside, CV_8UC3, kOutside);
    drawn(inside_).copyTo(outside(inside_));
    drawn = outside;

    // The grid at the size of the frame, of which only the part over the image is made.
    cv::Mat cells(drawing_.cells, drawing_.cells, CV_32F);
    for (int i = 0; i < drawing_.cells * drawing_.cells; ++i) {
      const double heat = panel.heat[static_cast<std::size_t>(i)];
      cells.at<float>(i / drawing_.cells, i % drawing_.cells) =
          static_cast<float>(heat > 0 ? std::min(heat, 1.0) : 0.0);
    }
    cv::Mat x(inside_.size(), CV_32F), y(inside_.size(), CV_32F), heat;
    for (int row = 0; row < inside_.height; ++row) {
      for (int column = 0; column < inside_.width; ++column) {
        x.at<float>(row, column) = position(inside_.x + column - frame_.x, frame_.width);
        y.at<float>(row, column) = position(inside_.y + row - frame_.y, frame_.height);
      }
    }
    cv::remap(cells, heat, x, y, cv::INTER_LINEAR, cv::BORDER_REPLICATE);

    // From green to red in the upper half of the map; what has no heat stays as it is.
    cv::Mat level, colour;
    heat.convertTo(level, CV_8U, 127, 128);
    cv::applyColorMap(level, colour, cv::COLORMAP_TURBO);  // BGR
    cv::cvtColor(colour, colour, cv::COLOR_BGR2RGB);
    cv::Mat part = drawn(inside_);
    for (int row = 0; row < part.rows; ++row) {
      for (int column = 0; column < part.cols; ++column) {
        const double cover = kMaxCover * std::sqrt(heat.at<float>(row, column));
        auto& pixel = part.at<cv::Vec3b>(row, column);
        const auto& over = colour.at<cv::Vec3b>(row, column);
        for (int channel = 0; channel < 3; ++channel) {
          pixel[channel] =
              cv::saturate_cast<std::uint8_t>((1 - cover) * pixel[channel] + cover * over[channel]);
        }
      }
    }
    mark(panel.max, &drawn);
    return drawn;
  }

  // Where a pixel of the frame lies between the middles of cells.
  float position(int pixel, int length) const {
    return static_cast<float>((pixel + 0.5) * drawing_.cells / length - 0.5);
  }

  void mark(int cell, cv::Mat* drawn) const {
    if (cell < 0) return;
    const double x = (cell % drawing_.cells + 0.5) / drawing_.cells * frame_.width + frame_.x;
    const double y = (cell / drawing_.cells + 0.5) / drawing_.cells * frame_.height + frame_.y;
    const cv::Point middle(rounded(x), rounded(y));
    const int radius = std::clamp(std::min(drawn->cols, drawn->rows) / 30, 3, 10);
    cv::circle(*drawn, middle, radius, kPaper, 3, cv::LINE_AA);
    cv::circle(*drawn, middle, radius, kInk, 1, cv::LINE_AA);
  }

  // Cut where it is wider than the panel.
  static void draw_caption(std::string text, const cv::Rect& place, cv::Mat* canvas) {
    constexpr std::size_t kLongest = 160;  // letters; no panel is wide enough for more
    if (text.size() > kLongest) text.resize(kLongest);
    int baseline = 0;
    const auto width = [&] { return cv::getTextSize(text, kFontFace, kFont, 1, &baseline).width; };
    if (width() > place.width) {
      text += "...";
      while (text.size() > 3 && width() > place.width) text.erase(text.size() - 4, 1);
    }
    cv::putText(*canvas, text, {place.x, place.y + place.height + kCaption - 7}, kFontFace, kFont,
                kInk, 1, cv::LINE_AA);
  }

  const HeatDrawing& drawing_;
  double scale_ = 1;
  cv::Mat image_;            // RGB, as it is drawn
  cv::Rect frame_, inside_;  // of the grid, and its part over the image
};

}  // namespace
}  // namespace clip_cli

extern "C" __attribute__((visibility("default"))) void clip_draw_heat(
    const clip_cli::HeatDrawing& drawing, clip_cli::DrawnImage* image) {
  const cv::Mat canvas = clip_cli::Drawing(drawing).draw();
  image->width = canvas.cols;
  image->height = canvas.rows;
  image->pixels.assign(canvas.datastart, canvas.dataend);
}
