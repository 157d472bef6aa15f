#include <doctest/doctest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "clip/error.h"
#include "support.h"
#include "terminal/columns.h"
#include "terminal/hints.h"
#include "terminal/progress.h"
#include "terminal/status_line.h"
#include "terminal/text.h"

using clip_cli::Progress;
using clip_cli::StatusLine;
using clip_test::contains;

namespace {

// Takes what is written to stderr while it exists: on a terminal of 40 columns, or in a file.
class Stderr {
 public:
  explicit Stderr(bool terminal) : before_(dup(STDERR_FILENO)) {
    std::fflush(stderr);
    int inside = -1;
    if (terminal) {
      winsize size = {};
      size.ws_row = 10;
      size.ws_col = 40;
      REQUIRE(openpty(&outside_, &inside, nullptr, nullptr, &size) == 0);
      setenv("TERM", "xterm", 1);
      for (const char* name : {"NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"}) unsetenv(name);
    } else {
      std::FILE* file = std::tmpfile();
      REQUIRE(file != nullptr);
      outside_ = dup(fileno(file));
      inside = dup(fileno(file));
      std::fclose(file);
    }
    dup2(inside, STDERR_FILENO);
    close(inside);
    terminal_ = terminal;
  }
  ~Stderr() {
    std::fflush(stderr);
    dup2(before_, STDERR_FILENO);
    close(before_);
    close(outside_);
  }

  std::string text() {
    std::fflush(stderr);
    if (!terminal_) lseek(outside_, 0, SEEK_SET);
    std::string text;
    // A terminal hands on what it was given a moment later, and not all at once.
    for (pollfd ready = {outside_, POLLIN, 0}; poll(&ready, 1, 100) > 0;) {
      char buffer[1 << 12];
      const ssize_t count = read(outside_, buffer, sizeof buffer);
      if (count <= 0) break;
      text.append(buffer, std::size_t(count));
    }
    return text;
  }

 private:
  int before_, outside_ = -1;
  bool terminal_ = false;
};

Progress::Total total_of(std::optional<std::uint64_t> total) {
  return [total] { return total; };
}

}  // namespace

TEST_CASE("columns count what a terminal shows") {
  using namespace clip_cli;
  CHECK(display_width("") == 0);
  CHECK(display_width("abc") == 3);
  CHECK(display_width("caf\u00e9") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("\u732b") == 2);
  CHECK(display_width("\U0001f408") == 2);

  CHECK(cut_to_width("abcdef", 6) == "abcdef");
  CHECK(cut_to_width("abcdef", 5) == "abcd\u2026");
  CHECK(cut_to_width("\u732b\u732b\u732b", 4) == "\u732b\u2026");
  CHECK(cut_to_width("abc", 0) == "\u2026");
  CHECK(cut_middle("folder/image.jpg", 16) == "folder/image.jpg");
  CHECK(cut_middle("folder/image.jpg", 10) == "fol\u2026ge.jpg");
  CHECK(display_width(cut_middle("\u732b\u732b\u732b\u732b\u732b\u732b", 6)) <= 6);
  CHECK(padded("ab", 4) == "ab  ");
  CHECK(padded("\u732b", 3) == "\u732b ");
  CHECK(padded("abc", 2) == "abc");
}

TEST_CASE("text for a terminal moves no cursor and forges no line") {
  using clip_cli::printable;
  CHECK(printable("a caf\u00e9 \u732b") == "a caf\u00e9 \u732b");
  CHECK(printable("a\nb\tc") == "a\\nb\\tc");
  CHECK(printable("\x1b[2J") == "\\x1b[2J");
  CHECK(printable("\u009b") == "\\x9b");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\x7f") == "\\x7f");

  Stderr captured(false);
  clip_cli::notice("cannot open a\nb");
  CHECK(captured.text() == "clip-cli: cannot open a\\nb\n");
}

TEST_CASE("hints become options") {
  using clip::ErrorCode;
  using clip::Hint;
  const auto with = [](Hint hint) {
    return clip_cli::message_of(clip::Error(ErrorCode::kLimit, "it is so", hint));
  };
  CHECK(with(Hint::kNone) == "it is so");
  CHECK(contains(with(Hint::kRaisePixelLimit), "--max-pixels"));
  CHECK(contains(with(Hint::kRaiseMemoryLimit), "--max-memory"));
  CHECK(contains(with(Hint::kTruncatePrompt), "--truncate"));
  CHECK(contains(with(Hint::kUseTorchScript), "--engine torchscript"));
  CHECK(contains(with(Hint::kUseLibTorch), "--engine libtorch"));
  CHECK(contains(with(Hint::kUseCpu), "--device cpu"));
  CHECK(contains(with(Hint::kUseBFloat16), "--precision bf16"));
  CHECK(contains(with(Hint::kExportModel), "torch.jit.save"));
  CHECK(contains(with(Hint::kSeparateByNul), "-0"));
  CHECK(contains(with(Hint::kNameLabels), "--class-names"));
  CHECK(contains(with(Hint::kNameOutput), "--output"));
  for (int hint = 0; hint <= int(Hint::kNameOutput); ++hint) {
    CHECK(with(Hint(hint)).rfind("it is so", 0) == 0);
  }
}

TEST_CASE("a status line is written over, and only where a terminal watches") {
  {
    Stderr captured(true);
    {
      StatusLine line(false);
      CHECK(line.visible());
      line.show("one");
      line.show("too soon");
      std::this_thread::sleep_for(std::chrono::milliseconds(120));
      line.show(std::string(100, 'x'));
    }
    CHECK(captured.text() == "\r\x1b[Kone\r\x1b[K" + std::string(38, 'x') + "\u2026\r\x1b[K");
  }
  {
    Stderr captured(true);
    setenv("TERM", "dumb", 1);
    CHECK_FALSE(StatusLine::is_watched());
    setenv("TERM", "xterm", 1);
    CHECK_FALSE(StatusLine(true).visible());
    CHECK(captured.text() == "");
  }
  Stderr captured(false);
  StatusLine line(false);
  CHECK_FALSE(line.visible());
  line.show("one");
  line.clear();
  CHECK(captured.text() == "");
}

TEST_CASE("progress counts, and ends with a line that stays") {
  {
    Stderr captured(true);
    Progress progress("image", false, total_of(3));
    progress.skip_to(1);
    progress.add(false);
    progress.show();
    CHECK(contains(captured.text(), "2/3 images"));
    progress.add(true);
    progress.finish(false);
    const std::string end = captured.text();
    CHECK(contains(end, "\r\x1b[K\x1b[1mclip-cli:\x1b[0m 2 images in "));
    CHECK(contains(end, ", 1 failed; 1 had been done before"));
  }
  {
    Stderr captured(false);
    Progress progress("job", false, total_of(std::nullopt));
    progress.add(false);
    progress.show();
    CHECK(captured.text() == "");
    progress.finish(true);
    CHECK(contains(captured.text(), "clip-cli: interrupted: 1 job in "));
    CHECK(contains(captured.text(), ", none failed\n"));
    CHECK(progress.done() == 1);
    CHECK(progress.failed() == 0);
  }
  Stderr captured(true);
  Progress quiet("image", true, total_of(3));
  quiet.add(false);
  quiet.show();
  quiet.finish(false);
  CHECK(captured.text() == "");
}

TEST_CASE("sizes of files") {
  CHECK(clip_cli::size_text(0) == "0 bytes");
  CHECK(clip_cli::size_text(1) == "1 byte");
  CHECK(clip_cli::size_text(999) == "999 bytes");
  CHECK(clip_cli::size_text(1000) == "1 kB");
  CHECK(clip_cli::size_text(812'345) == "812 kB");
  CHECK(clip_cli::size_text(999'600) == "1.0 MB");
  CHECK(clip_cli::size_text(4'240'000) == "4.2 MB");
  CHECK(clip_cli::size_text(1'300'000'000) == "1.3 GB");
}

TEST_CASE("durations") {
  CHECK(clip_cli::duration(3.24) == "3.2 s");
  CHECK(clip_cli::duration(125) == "2 min 5 s");
  CHECK(clip_cli::duration(3840) == "1 h 4 min");
}
