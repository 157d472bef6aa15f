#include "run/shard_output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <new>
#include <utility>

#include "base/file.h"
#include "clip/error.h"
#include "exit_code.h"
#include "service/json.h"
#include "terminal/text.h"
#include "writers/output.h"

namespace clip_cli {
namespace {

constexpr std::uint64_t kMaxRecord = std::uint64_t{1} << 30;  // bytes

clip::Json json_of(const ShardRecord& record) {
  clip::Json json = {{"command", record.command},   {"format", record.format},
                     {"shard", record.shard.index}, {"shards", record.shard.count},
                     {"group", record.group},       {"items", record.items},
                     {"list", record.list},         {"names", record.names},
                     {"results", record.results},   {"failed", record.failed}};
  if (!record.sizes.empty()) json["sizes"] = record.sizes;
  json["run"] = record.run;
  return json;
}

ShardRecord record_in(const clip::Json& json) {
  ShardRecord record;
  json.at("command").get_to(record.command);
  json.at("format").get_to(record.format);
  json.at("shard").get_to(record.shard.index);
  json.at("shards").get_to(record.shard.count);
  json.at("group").get_to(record.group);
  json.at("items").get_to(record.items);
  json.at("list").get_to(record.list);
  json.at("names").get_to(record.names);
  json.at("results").get_to(record.results);
  json.at("failed").get_to(record.failed);
  if (json.contains("sizes")) json.at("sizes").get_to(record.sizes);
  json.at("run").get_to(record.run);
  return record;
}

// Whether the numbers go together: they come from outside.
bool is_sound(const ShardRecord& record) {
  const Shard& shard = record.shard;
  return shard.count > 1 && shard.count <= kMaxShards && shard.index < shard.count &&
         record.group > 0;
}

}  // namespace

std::string record_path(const std::string& output) {
  return output + ".shard";
}

ShardRecord read_shard_record(const std::string& path) {
  clip::ReadOptions options;
  options.only_regular = true;
  options.max_bytes = kMaxRecord;
  const std::string text = clip::read_file(path, options);
  try {
    ShardRecord record = record_in(clip::parse_json(text));
    if (is_sound(record)) return record;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    // Said below.
  }
  throw clip::Error(clip::ErrorCode::kCorrupt,
                    fmt::format("cannot use {}: it is no record of a shard", path));
}

ShardOutput::ShardOutput(std::string command, std::string format, std::string output,
                         const Shard& shard, const RunFacts& facts, bool by_record)
    : command_(std::move(command)),
      format_(std::move(format)),
      output_(std::move(output)),
      shard_(shard),
      run_(facts.text()) {
  const std::string path = record_path(output_);
  if (!clip::exists(by_record ? path : output_)) return;
  const auto fail = [&](const std::string& why) {
    return clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{} is there already, {}; delete it, or name another --output", output_, why));
  };
  if (!clip::exists(path)) throw fail(fmt::format("without {}, so it is no shard", path));
  ShardRecord record = read_shard_record(path);
  if (record.command != command_) throw fail("made by " + record.command);
  if (record.format != format_) throw fail("made as " + record.format);
  if (record.shard.text() != shard_.text()) {
    throw fail(fmt::format("and is shard {}", record.shard.text()));
  }
  const std::string difference = facts.difference_from(record.run);
  if (!difference.empty()) throw fail("made with " + difference);
  complete_ = std::move(record);
}

int ShardOutput::skip(ShardedList* list, bool quiet) const {
  list->finish();
  if (list->items() != complete_->items || list->list() != complete_->list ||
      list->group() != complete_->group) {
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{} is there already, made of another list of inputs ({} in all, now {}); "
                    "delete it, or name another --output",
                    output_, complete_->items, list->items()));
  }
  if (!quiet) notice(fmt::format("{} is complete: there is nothing to do", output_));
  if (complete_->failed == 0) return kDone;
  notice(fmt::format("{} of those that had been done before had failed", complete_->failed));
  return kFailed;
}

void ShardOutput::record(const ShardedList& list, std::uint64_t failed) const {
  ShardRecord record;
  record.command = command_;
  record.format = format_;
  record.shard = shard_;
  record.group = list.group();
  record.items = list.items();
  record.list = list.list();
  record.names = list.names();
  record.results = list.results();
  record.failed = failed;
  record.sizes = list.sizes();
  record.run = run_;
  Output output = Output::replacing(record_path(output_));
  output.write(clip::json_line(json_of(record)));
  output.commit();
}

void ShardOutput::rename_part() const {
  if (std::rename(part().c_str(), output_.c_str()) != 0) {
    throw clip::file_error("write", output_, errno);
  }
}

void ShardOutput::complete(const ShardedList& list, std::uint64_t failed) const {
  if (list.items() == 0) return;
  record(list, failed);
  rename_part();
}

}  // namespace clip_cli
