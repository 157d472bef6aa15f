#include <doctest/doctest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "commands/commands.h"
#include "options/input_options.h"
#include "options/output_options.h"
#include "options/preview_options.h"
#include "options/suggestions.h"
#include "support.h"
#include "usage_error.h"

using namespace clip_cli;
using clip_test::contains;
using clip_test::TemporaryFolder;

namespace {

// The options of a command line, or what is wrong with it.
struct Parsed {
  OutputOptions options;
  std::string error;
};

Parsed parsed(std::vector<std::string> arguments, bool report = true, bool paths = false) {
  Parsed parsed;
  CLI::App app;
  add_output_options(&app, &parsed.options, report, {{"report", "Write the grid of the hits"}},
                     paths);
  CHECK(contains(app.help(), "Write the grid of the hits") == report);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    parsed.error = error.what();
  }
  return parsed;
}

std::string format(std::vector<std::string> arguments) {
  const Parsed result = parsed(std::move(arguments));
  REQUIRE(result.error == "");
  return format_of(result.options, "table").name;
}

std::vector<std::string> named(const ImageInputs& inputs) {
  const auto next = named_images(inputs, nullptr);
  std::vector<std::string> names;
  for (std::string name; next(&name);) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("an option chooses the format, else the file's extension, else the caller") {
  CHECK(format({}) == "table");
  CHECK(format({"--json"}) == "json");
  CHECK(format({"--csv"}) == "csv");
  CHECK(format({"--tsv", "-o", "a.csv"}) == "tsv");
  CHECK(format({"-o", "a.csv"}) == "csv");
  CHECK(format({"--output", "a.JSONL"}) == "json");
  CHECK(format({"-o", "a.html"}) == "html");
  CHECK(format({"-o", "a.txt"}) == "tsv");
}

TEST_CASE("formats exclude each other") {
  CHECK(parsed({"--json", "--csv"}).error != "");
  CHECK(parsed({"--csv", "--tsv"}).error != "");
  CHECK(parsed({"--table"}).error != "");
  CHECK(parsed({"--report", "a.html"}).error == "");
  CHECK(parsed({"--report", "a.html"}, false).error != "");
}

TEST_CASE("paths alone are for commands that ask for them") {
  CHECK(parsed({"-l"}).error != "");
  CHECK(parsed({"-0"}).error != "");
  for (const char* option : {"-l", "--paths"}) {
    CHECK(parsed({option}, true, true).options.format == "paths");
  }
  for (const char* option : {"-0", "--null"}) {
    CHECK(parsed({option}, true, true).options.format == "null");
  }
  CHECK(parsed({"-l", "-0"}, true, true).error != "");
  CHECK(parsed({"-l", "--json"}, true, true).error != "");
}

TEST_CASE("a preview is for the table, and for terminals") {
  const auto mode = [](std::vector<std::string> arguments) {
    CLI::App app;
    PreviewOptions options;
    std::string query;
    add_preview_option(&app, &options);
    app.add_option("QUERY", query);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    return options.mode + "|" + query;
  };
  CHECK(mode({"a cat"}) == "|a cat");
  CHECK(mode({"--preview", "a cat"}) == "auto|a cat");
  CHECK(mode({"a cat", "--preview"}) == "auto|a cat");
  CHECK(mode({"--preview=sixel", "a cat"}) == "sixel|a cat");

  const OutputFormat& table = *format_named("table");
  CHECK(make_preview({}, table) == nullptr);
  CHECK_THROWS_AS(make_preview({"ascii"}, table), UsageError);
  CHECK_THROWS_AS(make_preview({"symbols"}, *format_named("json")), UsageError);
  CHECK(make_preview({"symbols"}, table) != nullptr);
  setenv("CLIP_PREVIEW", "no such mode", 1);
  CHECK_THROWS_AS(make_preview({"auto"}, table), UsageError);
  setenv("CLIP_PREVIEW", "kitty", 1);
  CHECK(make_preview({"auto"}, table) != nullptr);
  unsetenv("CLIP_PREVIEW");
}

TEST_CASE("one file for two things") {
  OutputOptions options;
  CHECK_NOTHROW(check(options));
  options.report = "a.html";
  CHECK_NOTHROW(check(options));
  options.output = "a.html";
  CHECK_THROWS_AS(check(options), UsageError);
}

TEST_CASE("images come from arguments, and from lists in their place") {
  const TemporaryFolder folder;
  ImageInputs inputs;
  CHECK_THROWS_AS(named_images(inputs, nullptr), UsageError);
  inputs.named = {"a.jpg", "folder"};
  CHECK(named(inputs) == std::vector<std::string>{"a.jpg", "folder"});
  inputs.list = folder.write("list", "b.jpg\n\nc d.jpg\n");
  CHECK(named(inputs) == std::vector<std::string>{"a.jpg", "folder", "b.jpg", "c d.jpg"});
  CHECK(can_be_counted(inputs));
  CHECK_FALSE(reads_standard_input(inputs));
  inputs.list = folder.write("list0", std::string("b\n.jpg\0", 7));
  inputs.nul_separated = true;
  CHECK(named(inputs).back() == "b\n.jpg");

  inputs.list = folder.path("missing");
  CHECK(clip_test::code_of([&] { named_images(inputs, nullptr); }) == clip::ErrorCode::kNotFound);
  inputs.list = "-";
  CHECK(reads_standard_input(inputs));
  CHECK_FALSE(can_be_counted(inputs));
  inputs.named = {"-"};
  CHECK_THROWS_AS(named_images(inputs, nullptr), UsageError);
}

TEST_CASE("--exclude takes patterns, one at a time, and refuses what nothing could match") {
  const auto parse = [](std::vector<std::string> arguments) {
    ImageInputs inputs;
    CLI::App app;
    add_image_inputs(&app, &inputs);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    return inputs;
  };
  const ImageInputs inputs = parse({"--exclude", "*.tmp", "photos", "--exclude", "!.*", "more"});
  CHECK(inputs.exclude == std::vector<std::string>{"*.tmp", "!.*"});
  CHECK(inputs.named == std::vector<std::string>{"photos", "more"});
  clip::CancelToken stop;
  const clip::ImagePathsOptions walk = walk_options(inputs, &stop);
  CHECK(walk.exclude == inputs.exclude);
  CHECK(walk.stop == &stop);
  for (const char* pattern : {"[a", "a\\", "/", "!"}) {
    CHECK_THROWS_AS(parse({"photos", "--exclude", pattern}), CLI::ValidationError);
  }
}

TEST_CASE("a mistyped command or option is answered with the nearest one") {
  CLI::App app("", "clip-cli");
  Command command;
  setup_program(&app, &command, [](CLI::App*) {});
  const auto suggestion = [&](std::vector<std::string> arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
      app.parse(reversed);
    } catch (const CLI::ParseError&) {
    }
    return suggestion_for(named_command(app), arguments);
  };
  CHECK(suggestion({"scor"}) == "there is no command 'scor'; did you mean score?");
  CHECK(contains(suggestion({"models", "lst"}), "did you mean list?"));
  CHECK(full_name(named_command(app)) == "clip-cli models");
  CHECK(contains(suggestion({"score", "--jsn"}), "did you mean --json?"));
  CHECK(contains(suggestion({"classify", "--label=cat"}), "did you mean --labels?"));
  CHECK_FALSE(contains(suggestion({"score", "--quite-another-thing"}), "did you mean"));
  CHECK_FALSE(contains(suggestion({"score", "--best"}), "did you mean"));
  CHECK(suggestion({"evaluate", "a", "--shard", "0/2"}) == "");
  CHECK(suggestion({"score", "a.jpg", "a cat"}) == "");
}
