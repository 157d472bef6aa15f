// The module's side: draws a confusion matrix by OpenCV. All other symbols of it are hidden.

#include "opencv_module/entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace clip_cli {
namespace {

constexpr int kSide = 1400;        // pixels that the cells aim at, together
constexpr int kMargin = 24;        // around everything
constexpr int kMinForLabels = 14;  // pixels of a cell from which on labels are drawn
constexpr int kMinForCount = 30;   // pixels of a cell from which on its number is drawn
constexpr int kMaxLabel = 28;      // letters
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;

const cv::Scalar kInk(40, 36, 32), kPaper(255, 255, 255), kLine(225, 220, 215);
const cv::Scalar kFull(122, 66, 18);  // a share of 1: dark blue

std::string drawable(const std::string& label, std::size_t number) {
  const bool ascii =
      std::all_of(label.begin(), label.end(), [](char c) { return ' ' <= c && c <= '~'; });
  if (!ascii || label.empty()) return fmt::format("#{}", number + 1);
  return label.size() <= kMaxLabel ? label : label.substr(0, kMaxLabel - 3) + "...";
}

cv::Size text_size(const std::string& text, double scale) {
  int baseline = 0;
  cv::Size size = cv::getTextSize(text, kFont, scale, 1, &baseline);
  size.height += baseline;
  return size;
}

// Horizontal text whose middle is at the height `y`.
void draw_text(cv::Mat* canvas, const std::string& text, int x, int y, double scale,
               const cv::Scalar& colour) {
  int baseline = 0;
  const cv::Size size = cv::getTextSize(text, kFont, scale, 1, &baseline);
  cv::putText(*canvas, text, {x, y + size.height / 2}, kFont, scale, colour, 1, cv::LINE_AA);
}

// Text that reads upwards from (x, y), its middle at x.
void draw_upwards(cv::Mat* canvas, const std::string& text, int x, int y, double scale) {
  const cv::Size size = text_size(text, scale);
  cv::Mat label(size.height + 4, size.width + 2, CV_8UC3, kPaper);
  draw_text(&label, text, 1, label.rows / 2, scale, kInk);
  cv::rotate(label, label, cv::ROTATE_90_COUNTERCLOCKWISE);
  const cv::Rect place(x - label.cols / 2, y - label.rows, label.cols, label.rows);
  const cv::Rect inside = place & cv::Rect(0, 0, canvas->cols, canvas->rows);
  if (inside.empty()) return;
  label(cv::Rect(inside.tl() - place.tl(), inside.size())).copyTo((*canvas)(inside));
}

cv::Scalar shade(double share) {
  // The square root makes a few wrong predictions visible beside many right ones.
  return kPaper + (kFull - kPaper) * std::sqrt(share);
}

class Drawing {
 public:
  explicit Drawing(const ConfusionMatrix& matrix)
      : matrix_(matrix),
        count_(static_cast<int>(matrix.labels.size())),
        cell_(std::clamp(kSide / count_, 1, 48)),
        font_(std::clamp(cell_ / 40.0, 0.35, 0.55)) {
    if (cell_ >= kMinForLabels) {
      for (std::size_t i = 0; i < matrix.labels.size(); ++i)
        names_.push_back(drawable(matrix.labels[i], i));
    }
    int max_size = 0;
    for (const std::string& name : names_)
      max_size = std::max(max_size, text_size(name, font_).width);
    const int title = text_size("predicted", kTitleFont).height + 12;
    left_ = kMargin + title + (names_.empty() ? 0 : max_size + 8);
    top_ = left_;
  }

  cv::Mat draw() {
    const int side = count_ * cell_;
    canvas_ = cv::Mat(top_ + side + kMargin, left_ + side + kMargin, CV_8UC3, kPaper);
    for (int truth = 0; truth < count_; ++truth) {
      for (int predicted = 0; predicted < count_; ++predicted) draw_cell(truth, predicted);
    }
    cv::rectangle(canvas_, {left_ - 1, top_ - 1, side + 2, side + 2}, kLine, 1);
    for (int i = 0; i < static_cast<int>(names_.size()); ++i) {
      const int middle = i * cell_ + cell_ / 2;
      const std::string& name = names_[static_cast<std::size_t>(i)];
      draw_text(&canvas_, name, left_ - 8 - text_size(name, font_).width, top_ + middle, font_,
                kInk);
      draw_upwards(&canvas_, name, left_ + middle, top_ - 8, font_);
    }
    draw_text(&canvas_, "predicted", left_, kMargin, kTitleFont, kInk);
    draw_upwards(&canvas_, "truth", kMargin, top_ + text_size("truth", kTitleFont).width,
                 kTitleFont);
    return canvas_;
  }

 private:
  static constexpr double kTitleFont = 0.5;

  void draw_cell(int truth, int predicted) {
    const auto row = static_cast<std::size_t>(truth);
    const std::size_t cell = row * matrix_.labels.size() + static_cast<std::size_t>(predicted);
    const std::uint64_t images = matrix_.counts[cell];
    const double share = images == 0 ? 0 : double(images) / double(matrix_.images[row]);
    const cv::Rect place(left_ + predicted * cell_, top_ + truth * cell_, cell_, cell_);
    canvas_(place).setTo(shade(share));
    if (cell_ < kMinForLabels) return;
    cv::rectangle(canvas_, place, kLine, 1);
    if (images == 0 || cell_ < kMinForCount) return;
    const std::string number = std::to_string(images);
    const int width = text_size(number, font_).width;
    if (width + 2 > cell_) return;
    draw_text(&canvas_, number, place.x + (cell_ - width) / 2, place.y + cell_ / 2, font_,
              share > 0.25 ? kPaper : kInk);
  }

  const ConfusionMatrix& matrix_;
  const int count_, cell_;  // classes, and pixels a side of a cell
  const double font_;
  std::vector<std::string> names_;  // none where they would not be legible
  int left_ = 0, top_ = 0;          // of the first cell
  cv::Mat canvas_;
};

}  // namespace
}  // namespace clip_cli

extern "C" __attribute__((visibility("default"))) void clip_draw_confusion(
    const clip_cli::ConfusionMatrix& matrix, clip_cli::DrawnImage* image) {
  cv::Mat canvas = clip_cli::Drawing(matrix).draw();
  cv::cvtColor(canvas, canvas, cv::COLOR_BGR2RGB);
  image->width = canvas.cols;
  image->height = canvas.rows;
  image->pixels.assign(canvas.datastart, canvas.dataend);
}
