// `clip-cli explain`: which parts of an image carry its score with a prompt.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "clip/image.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "image/thumbnail.h"
#include "input/argument_texts.h"
#include "input/image_urls.h"
#include "input/input_lists.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "options/output_options.h"
#include "run/explanation.h"
#include "run/image_run.h"
#include "service/result.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/heat_image.h"
#include "writers/output.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct Options {
  std::string image;
  std::vector<std::string> texts;
  std::string output;
  bool json = false, truncate = false;
  ExplainOptions explain;
  ImageRunOptions run;
};

void check(const Options& options) {
  check_outputs({options.output}, {options.image});
  if (!options.output.empty() && !names_heat_file(options.output)) {
    throw UsageError(
        fmt::format("cannot draw into {}: name a file that ends in .png or .jpg", options.output));
  }
  if (clip::is_folder(options.image)) {
    throw UsageError(fmt::format("{} is a folder; explain takes one image", options.image));
  }
  for (const std::string& text : options.texts) {
    if (!clip::has_image_extension(text)) continue;
    if (clip::is_regular_file(text)) {
      throw UsageError(fmt::format("explain takes one image, and {} is another", text));
    }
    notice(fmt::format("'{}' is taken as a prompt; explain takes one image", text));
  }
  if (options.explain.cells > 0 && options.explain.method == ExplainMethod::kPatches) {
    throw UsageError("--cells are those of occlusion; a model's patches have one size");
  }
  if (!options.output.empty() && options.texts.size() > kMaxPanels) {
    throw UsageError(fmt::format("at most {} prompts are drawn side by side", kMaxPanels));
  }
}

// The image, upright, and what the model reads of it.
struct Prepared {
  std::string name;  // of a data: URL, its beginning
  clip::Image image;
  std::vector<float> pixels;
  clip::Frame frame;  // what of the image the model sees, in its pixels
};

Prepared prepare(const Options& options, const clip::ModelConfig& config,
                 const clip::CancelToken* stop) {
  ImageInputs inputs;
  inputs.images = {options.image};
  clip::ImageSource source;
  if (options.image == kStandardInput) {
    clip::ImagePathsOptions walk = walk_options(inputs, stop);
    walk.archives = clip::Archives::kRefuse;
    ImageSources sources = image_sources(inputs, walk, stop);
    if (!sources.next(&source)) throw clip::Error(clip::ErrorCode::kCancelled, "interrupted");
    if (source.error) throw clip::Error(*source.error);
  } else {
    source.name = options.image;
    resolve_url(stop, &source);
  }
  clip::DecodeOptions decode = decode_options(options.run.decode, config);
  decode.cancel = decode.stop = stop;
  const clip::Preprocessing& rule = config.preprocessing;
  if (options.output.empty()) {  // nothing is drawn
    decode.region_of_interest = [rule](std::int64_t width, std::int64_t height) {
      return clip::region_of_interest(width, height, rule);
    };
  }
  Prepared prepared;
  prepared.name = source.name;
  prepared.image = source.load ? clip::decode_bytes(source.load(), source.name, decode)
                               : clip::decode_file(source.name, decode);
  prepared.pixels = clip::preprocess(prepared.image, rule);
  prepared.frame = clip::input_frame(prepared.image.width, prepared.image.height, rule);
  return prepared;
}

// The middle of a cell, in pixels of the image, and never outside it.
struct Point {
  double x, y;
};

Point middle_of(const clip::HeatCell& cell, std::int64_t cells, const Prepared& prepared) {
  const auto along = [cells](std::int64_t index, double from, double length, std::int64_t end) {
    const double at = from + (double(index) + 0.5) * length / double(cells);
    return std::clamp(at, 0.0, double(end));
  };
  return {along(cell.column, prepared.frame.left, prepared.frame.width, prepared.image.width),
          along(cell.row, prepared.frame.top, prepared.frame.height, prepared.image.height)};
}

clip::Json grid_of(const clip::HeatGrid& grid, std::int64_t text) {
  clip::Json rows = clip::Json::array();
  for (std::int64_t row = 0; row < grid.cells; ++row) {
    clip::Json& numbers = rows.emplace_back(clip::Json::array());
    for (std::int64_t column = 0; column < grid.cells; ++column) {
      numbers.push_back(grid.fall(text, row, column));
    }
  }
  return rows;
}

clip::Json begin_json(const std::string& name, const clip::Model& model) {
  clip::Json json;
  clip::put_name(&json, "image", name);
  clip::put_name(&json, "model", model.path());
  return json;
}

void print_as_json(const Prepared& prepared, const clip::Model& model, ExplainMethod method,
                   const std::vector<std::string>& texts, const clip::HeatGrid& grid) {
  clip::Json json = begin_json(prepared.name, model);
  json["method"] = name_of(method);
  json["width"] = prepared.image.width;
  json["height"] = prepared.image.height;
  const clip::Frame& frame = prepared.frame;
  json["frame"] = {
      {"left", frame.left}, {"top", frame.top}, {"width", frame.width}, {"height", frame.height}};
  json["cells"] = grid.cells;
  json["explanations"] = clip::Json::array();
  for (std::int64_t text = 0; text < grid.texts; ++text) {
    const auto i = static_cast<std::size_t>(text);
    clip::Json each = {{"text", texts[i]}, {"score", 100 * grid.cosines[i]}, {"max", nullptr}};
    if (const auto cell = clip::max_cell(grid, text)) {
      const Point at = middle_of(*cell, grid.cells, prepared);
      each["max"] = {{"row", cell->row},
                     {"column", cell->column},
                     {"x", at.x},
                     {"y", at.y},
                     {"fall", grid.fall(text, cell->row, cell->column)}};
    }
    each["grid"] = grid_of(grid, text);
    json["explanations"].push_back(std::move(each));
  }
  print_json(json);
}

// The grid in five shades; the hottest cell of all prompts is the darkest.
void print_grid(const clip::HeatGrid& grid, std::int64_t text, double hottest) {
  constexpr const char* kShades[] = {"··", "░░", "▒▒", "▓▓", "██"};
  for (std::int64_t row = 0; row < grid.cells; ++row) {
    std::string line = "           ";
    for (std::int64_t column = 0; column < grid.cells; ++column) {
      const double fall = grid.fall(text, row, column);
      if (std::isnan(fall)) {
        line += "  ";
      } else {
        line += kShades[fall > 0 ? std::lround(4 * fall / hottest) : 0];
      }
    }
    fmt::print("{}\n", line);
  }
}

void print_as_text(const Prepared& prepared, const std::vector<std::string>& texts,
                   const clip::HeatGrid& grid, bool with_grid) {
  if (::isatty(STDOUT_FILENO) == 1) fmt::print("    score  most at x,y  prompt\n");
  double hottest = 0;
  for (const double fall : grid.falls) hottest = fall > hottest ? fall : hottest;
  for (std::int64_t text = 0; text < grid.texts; ++text) {
    const auto i = static_cast<std::size_t>(text);
    std::string at = "nowhere";
    if (const auto cell = clip::max_cell(grid, text)) {
      const Point point = middle_of(*cell, grid.cells, prepared);
      at = fmt::format("{:.0f},{:.0f}", std::floor(point.x), std::floor(point.y));
    }
    fmt::print("{:9.4f}  {:>11}  {}\n", 100 * grid.cosines[i], at, printable(texts[i]));
    if (with_grid) print_grid(grid, text, hottest);
  }
}

// What of the image the model does not see.
void note_outside(const Prepared& prepared) {
  const clip::Frame& frame = prepared.frame;
  const double width = double(prepared.image.width), height = double(prepared.image.height);
  if (frame.width > width - 1 && frame.height > height - 1) return;
  notice(
      fmt::format("the model sees the middle {:.0f} x {:.0f} of {} x {} pixels; what lies "
                  "outside carries nothing",
                  std::min(frame.width, width), std::min(frame.height, height),
                  prepared.image.width, prepared.image.height));
}

std::string drawn(const Options& options, const Prepared& prepared, const clip::HeatGrid& grid) {
  HeatSheet sheet;
  sheet.image = clip::thumbnail(prepared.image, kPanelSide);
  sheet.frame = shares_of(prepared.frame, prepared.image.width, prepared.image.height);
  sheet.grid = &grid;
  sheet.prompts = options.texts;
  return heat_file(sheet, options.output);
}

int run_explain(const Options& options) {
  check(options);
  note_bytes(options.texts);
  catch_interrupts();
  const clip::CancelToken stop(&interrupts());
  const auto model = open_model(options.run.model, options.run.run.quiet);
  // What cannot be written should be known before minutes of computing.
  std::optional<Output> output;
  if (!options.output.empty()) output.emplace(Output::replacing(options.output));

  Prepared prepared;
  try {
    prepared = prepare(options, model->config(), &stop);
  } catch (const clip::Error& error) {
    if (!options.json || error.code() == clip::ErrorCode::kCancelled) throw;
    clip::Json json = begin_json(options.image, *model);
    json["error"] = to_json(clip::ResultError{clip::kBadImage, message_of(error)});
    print_json(json);
    throw;
  }

  ExplainedTexts texts;
  const clip::EncoderOptions encoder_with =
      for_explaining(encoder_options(options.run.model), options.explain);
  {
    clip::TextOptions with;
    with.encoder = encoder_with;
    with.truncate = options.truncate;
    // Gone before the image tower is read: they need not fit into memory together.
    texts = embed_for_explaining(model, with, options.texts);
  }
  const auto encoder = clip::open_image_encoder(model, encoder_with);
  const clip::ExplainedInput input =
      clip::explained_input(prepared.pixels.data(), prepared.image.width, prepared.image.height,
                            model->config().preprocessing);
  const bool quiet = options.run.run.quiet;
  StatusLine line;
  const clip::HeatGrid grid =
      explain(encoder.get(), input, texts, options.explain, options.run.run.batch, &stop,
              [&](std::size_t done, std::size_t total) {
                if (!quiet) line.show(fmt::format("{} of {} parts covered", done, total));
              });
  line.clear();

  if (output) {
    output->write(drawn(options, prepared, grid));
    output->commit();
  }
  if (options.json) {
    print_as_json(prepared, *model, options.explain.method, options.texts, grid);
  } else {
    print_as_text(prepared, options.texts, grid, !output);
  }
  if (!quiet) note_outside(prepared);
  return kDone;
}

}  // namespace

void setup_explain(CLI::App* explain, Command* command) {
  auto options = std::make_shared<Options>();
  explain->add_option("IMAGE", options->image, "An image or a URL (-: an image on standard input)")
      ->required()
      ->type_name("");
  explain->add_option("TEXT", options->texts, "Prompts, each explained by itself")
      ->required()
      ->type_name("");
  explain
      ->add_option("-o,--output", options->output,
                   "Draw the heat of each prompt on the image: FILE.png or FILE.jpg")
      ->type_name("FILE");
  explain->add_flag("--json", options->json, "Print one JSON object, with the grids");
  add_explain_options(explain, &options->explain);
  add_truncate_option(explain, &options->truncate);
  add_image_run_options(explain, &options->run);
  // Such images have another size than their files say, in which places are told.
  explain->remove_option(explain->get_option("--fast-decode"));
  explain->footer(
      "Examples:\n"
      "  clip-cli explain image.jpg \"a photo of a cat\"\n"
      "  clip-cli explain image.jpg \"a photo of a cat\" \"a photo of a dog\" --output heat.png\n"
      "  clip-cli explain image.jpg \"a photo of a cat\" --method occlusion --cells 10 --json");
  explain->callback([=] { *command = [=] { return run_explain(*options); }; });
}

}  // namespace clip_cli
