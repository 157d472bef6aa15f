#include "index/refresh.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "archive/file_source.h"
#include "base/file.h"
#include "base/file_reader.h"
#include "base/strings.h"
#include "clip/image.h"
#include "index/compaction.h"
#include "index/content_key.h"
#include "index/plan.h"
#include "index/refresh_commit.h"
#include "pipeline/archive_images.h"

namespace clip {
namespace {

using Clock = std::chrono::steady_clock;

// Results are committed when there are so many, or when so much time has passed: a commit waits for
// the disk, three or four times.
constexpr std::size_t kCommitFiles = 512;
constexpr auto kCommitInterval = std::chrono::seconds(2);

// Why an image failed, without its path: it may have another one when that is read again.
std::string without_path(const std::string& message, const std::string& path) {
  const std::string begin = "cannot use " + path + ": ";
  return starts_with(message, begin) ? message.substr(begin.size()) : message;
}

class Refresh {
 public:
  Refresh(Index* index, std::shared_ptr<const Model> model, const RefreshOptions& options,
          const RefreshEvents& events)
      : index_(index),
        database_(index->database()),
        model_(std::move(model)),
        options_(options),
        events_(events),
        pending_(index, model_) {}

  RefreshReport run();

 private:
  enum class Outcome { kLinked, kWaiting, kSource };

  void embed(const RefreshPlan& plan);
  bool next_source(ImageSource* source);
  bool begin_archive(const PlannedFile& planned);
  bool next_member(ImageSource* source);
  void end_archive();
  void note_failed_member();
  void settle(const std::shared_ptr<ArchiveWork>& archive);
  std::string path_of(const PlannedFile& planned) const;
  bool prepare(PlannedFile file, ImageSource* source);
  bool rouse(ImageSource* source);
  Outcome place(const PlannedFile& planned, const ContentKey& key, FileEntry entry,
                std::uint64_t* tag);
  void take(const ImageResult& result);
  void report(const std::string& path, const Error* error);
  void flush_reports();

  bool due() const;
  void commit();

  Index* const index_;
  Database* const database_;
  const std::shared_ptr<const Model> model_;
  const RefreshOptions& options_;
  const RefreshEvents& events_;
  std::optional<IndexedModel> indexed_;
  std::vector<std::string> exclude_;
  RefreshReport report_;

  // The archive that is being read, by the thread that gives sources.
  std::shared_ptr<ArchiveWork> archive_;
  std::unique_ptr<ArchiveImages> members_;

  // Of all below: the thread that gives sources and the one that takes results.
  std::mutex mutex_;
  PlanReader* plan_ = nullptr;
  std::uint64_t last_tag_ = 0;                                 // 0 is no tag
  std::unordered_map<std::uint64_t, ContentJob> jobs_;         // by tag, until their result comes
  std::unordered_map<std::string, std::uint64_t> tag_of_key_;  // of jobs and of `pending_`
  std::vector<std::pair<std::string, std::optional<Error>>> reports_;

  // Until the next commit.
  std::size_t without_source_ = 0;  // files that need no embedding, or wait for that of another
  std::optional<LinkedFile> failed_member_;  // until another one, which may have its name, comes
  std::uint64_t planned_ = 0, told_ = 0;  // files to be looked at, and how many of them were told
  PendingCommit pending_;
  Clock::time_point committed_at_ = Clock::now();
};

void Refresh::report(const std::string& path, const Error* error) {
  reports_.emplace_back(path, error != nullptr ? std::optional<Error>(*error) : std::nullopt);
}

// By the thread that refreshes, which is the one that events are for.
void Refresh::flush_reports() {
  std::vector<std::pair<std::string, std::optional<Error>>> reports;
  std::uint64_t planned = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    reports.swap(reports_);
    planned = planned_;
  }
  if (planned != told_ && events_.planned) events_.planned(planned);
  told_ = planned;
  if (!events_.done) return;
  for (const auto& [path, error] : reports) events_.done(path, error ? &*error : nullptr);
}

// Gives the next image that the model has to read. Called by the threads that decode, one at a
// time.
bool Refresh::next_source(ImageSource* source) {
  while (options_.stop == nullptr || !options_.stop->cancelled()) {
    if (archive_ != nullptr) {
      if (next_member(source) || rouse(source)) return true;
      continue;
    }
    PlannedFile file;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!plan_->next(&file)) return false;
    }
    if (file.archive != 0 && begin_archive(file)) continue;
    if (prepare(std::move(file), source) || rouse(source)) return true;
  }
  return false;
}

// Where many files in a row need no embedding, no result would come, and what is noted would only
// be written down, and reported, at the end. True every so many of them: with a source that cannot
// be used, and whose result is nothing but a reason to look.
bool Refresh::rouse(ImageSource* source) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (++without_source_ % kCommitFiles != 0) return false;
  }
  *source = ImageSource();
  source->error = Error(ErrorCode::kInternal, "no image");
  return true;
}

std::string Refresh::path_of(const PlannedFile& planned) const {
  return joined_path(planned.folder_path.empty()
                         ? index_->place().root
                         : joined_path(index_->place().root, planned.folder_path),
                     planned.name);
}

// False where the file is no archive, whatever it is called.
bool Refresh::begin_archive(const PlannedFile& planned) {
  auto work = std::make_shared<ArchiveWork>();
  work->path = path_of(planned);
  work->relative =
      planned.folder_path.empty() ? planned.name : joined_path(planned.folder_path, planned.name);
  work->members = planned.archive;
  work->file.folder = planned.folder;
  work->file.name = planned.name;
  work->file.is_new = planned.is_new;
  work->file.state = file_state(work->path);
  try {
    if (!names_archive(work->path)) return false;
    ReadOptions read;
    read.only_regular = true;
    ArchiveImagesOptions options;
    options.exclude = exclude_;
    options.state = work->file.state;
    options.stop = options_.stop;
    members_ = std::make_unique<ArchiveImages>(
        std::make_unique<FileSource>(FileReader(work->path, read)), work->path, options);
  } catch (const Error& error) {
    // Tried again by the next refresh.
    const std::lock_guard<std::mutex> lock(mutex_);
    ++report_.failed;
    report(work->path, &error);
    FileEntry entry = work->file;
    entry.state = FileState();
    pending_.add(LinkedFile{std::move(entry), 0, error.what(), nullptr});
    return true;
  }
  archive_ = std::move(work);
  return true;
}

// False where the next member needs no embedding, or there is none: all that is to be done is
// noted.
bool Refresh::next_member(ImageSource* source) {
  *source = ImageSource();
  if (!members_->next(source)) {
    end_archive();
    return false;
  }
  FileEntry entry;
  entry.folder = archive_->members;
  entry.state = archive_->file.state;
  entry.archive = archive_;
  const bool is_member = source->name.size() > archive_->path.size();
  if (is_member) entry.name = source->name.substr(archive_->path.size() + 1);
  if (source->error) {
    const std::lock_guard<std::mutex> lock(mutex_);
    note_failed_member();
    ++report_.failed;
    ++planned_;
    report(source->name, &*source->error);
    if (is_member) {
      failed_member_ = LinkedFile{std::move(entry), 0,
                                  without_path(source->error->what(), source->name), nullptr};
    } else {
      archive_->damaged = true;
    }
    return false;
  }
  const auto bytes =
      source->bytes ? source->bytes : std::make_shared<const std::string>(source->load());
  source->load = nullptr;
  source->bytes = bytes;
  const ContentKey key = content_key_of(*bytes);

  const std::lock_guard<std::mutex> lock(mutex_);
  ++planned_;
  // What was wrong in front of a member was said by its name.
  if (failed_member_ && failed_member_->file.name == entry.name) failed_member_.reset();
  note_failed_member();
  Statement seen(database_, "INSERT OR IGNORE INTO temp.members(folder, name) VALUES(?, ?)");
  seen.bind(1, entry.folder).bind_bytes(2, entry.name).run();
  if (database_->number("SELECT changes()") == 0) {
    const Error twice(ErrorCode::kCorrupt,
                      fmt::format("cannot use {}: the archive has another member of that name in "
                                  "front, which is the one that counts",
                                  source->name));
    ++report_.failed;
    report(source->name, &twice);
    return false;
  }
  Statement known(database_,
                  "SELECT coalesce(content, 0) FROM files WHERE folder = ? AND name = ?");
  known.bind(1, entry.folder).bind_bytes(2, entry.name);
  entry.is_new = !known.step();
  if (!entry.is_new) entry.old_content = known.number(0);
  known.reset();
  PlannedFile planned;
  planned.folder = entry.folder;
  planned.folder_path = archive_->relative;
  planned.name = entry.name;
  planned.old_content = entry.old_content;
  planned.is_new = entry.is_new;
  return place(planned, key, std::move(entry), &source->tag) == Outcome::kSource;
}

// Under the lock.
void Refresh::note_failed_member() {
  if (!failed_member_) return;
  Statement seen(database_, "INSERT OR IGNORE INTO temp.members(folder, name) VALUES(?, ?)");
  seen.bind(1, failed_member_->file.folder).bind_bytes(2, failed_member_->file.name).run();
  pending_.add(std::move(*failed_member_));
  failed_member_.reset();
}

void Refresh::end_archive() {
  const std::shared_ptr<ArchiveWork> archive = std::move(archive_);
  const FileState now = file_state(archive->path);
  const std::lock_guard<std::mutex> lock(mutex_);
  note_failed_member();
  for (const auto& [kind, count] : members_->left_out()) report_.left_out[kind] += count;
  members_.reset();
  report(archive->path, nullptr);
  if (options_.stop != nullptr && options_.stop->cancelled()) return;
  const FileState& before = archive->file.state;
  if (now.size != before.size || now.modified_nsec != before.modified_nsec) archive->changed = true;
  archive->ended = true;
  settle(archive);
}

// Under the lock. Notes an archive as read once all of its members are done.
void Refresh::settle(const std::shared_ptr<ArchiveWork>& archive) {
  if (!archive->ended || archive->waiting > 0 || archive->changed) return;
  pending_.add(LinkedFile{archive->file, 0, "", archive});
}

// False where the file needs no embedding: all that is to be done is noted.
bool Refresh::prepare(PlannedFile planned, ImageSource* source) {
  const std::string path = path_of(planned);
  FileEntry entry;
  entry.folder = planned.folder;
  entry.name = planned.name;
  entry.old_content = planned.old_content;
  entry.is_new = planned.is_new;
  *source = ImageSource();
  source->name = path;
  source->only_regular = true;
  try {
    const FileKind kind =
        has_image_extension(planned.name) ? FileKind{true, nullptr} : kind_of_file(path);
    if (!kind.is_image) {
      entry.state = file_state(path);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (kind.unreadable != nullptr) ++report_.left_out[kind.unreadable];
      pending_.add(LinkedFile{std::move(entry), 0, "", nullptr});
      report(path, nullptr);
      return false;
    }
    const ContentKey key = content_key(path);
    entry.state = key.state;
    source->state = key.state;
    const std::lock_guard<std::mutex> lock(mutex_);
    return place(planned, key, std::move(entry), &source->tag) == Outcome::kSource;
  } catch (const Error& error) {
    struct stat info = {};
    const std::lock_guard<std::mutex> lock(mutex_);
    if (::lstat(path.c_str(), &info) != 0) {
      report(path, nullptr);  // it is gone already; the next refresh forgets it
      return false;
    }
    entry.state = FileState();
    const Error within = error.within("cannot use " + path);
    pending_.add(LinkedFile{std::move(entry), 0, error.what(), nullptr});
    ++report_.failed;
    report(path, &within);
    return false;
  }
}

// Finds the content of a file: one that is known, one that is on its way, or a new one.
Refresh::Outcome Refresh::place(const PlannedFile& planned, const ContentKey& key, FileEntry entry,
                                std::uint64_t* tag) {
  // A key that has not seen all of a file that was written to cannot say that it is the same.
  const bool trusted =
      key.whole || planned.old_content == 0 || planned.state_was_unknown || planned.content_is_sure;
  ContentJob job;
  job.key = key.digest;
  if (trusted) {
    if (const auto waiting = tag_of_key_.find(key.digest); waiting != tag_of_key_.end()) {
      const auto running = jobs_.find(waiting->second);
      ContentJob& with = running != jobs_.end() ? running->second : pending_.job(waiting->second);
      ++(entry.is_new ? report_.copied : report_.changed);
      if (entry.archive != nullptr && running != jobs_.end()) ++entry.archive->waiting;
      with.files.push_back(std::move(entry));
      return Outcome::kWaiting;
    }
    Statement known(database_,
                    "SELECT c.id, e.row, e.error, EXISTS(SELECT 1 FROM files WHERE content = c.id) "
                    "FROM contents c LEFT JOIN embeddings e ON e.model = ? AND e.content = c.id "
                    "WHERE c.key = ? ORDER BY e.row IS NULL, c.id DESC");
    known.bind(1, indexed_ ? indexed_->id : -1).bind_bytes(2, key.digest);
    if (known.step()) {
      job.content = known.number(0);
      const bool has_row = !known.is_null(1), has_error = !known.is_null(2);
      const bool has_files = known.number(3) != 0;
      if (has_row || has_error) {
        const std::string path = joined_path(planned.folder_path, planned.name);
        if (entry.is_new) {
          ++(has_files ? report_.copied : report_.renamed);
        } else if (planned.old_content != job.content) {
          ++report_.changed;
        }
        std::optional<Error> error;
        if (has_error) {
          error.emplace(ErrorCode::kCorrupt,
                        fmt::format("cannot use {}: {}", path, known.bytes(2)));
          ++report_.failed;
        }
        known.reset();
        pending_.add(LinkedFile{std::move(entry), job.content, "", nullptr});
        report(path, error ? &*error : nullptr);
        return Outcome::kLinked;
      }
    }
  }
  if (entry.archive != nullptr) ++entry.archive->waiting;
  job.files.push_back(std::move(entry));
  *tag = ++last_tag_;
  if (trusted) tag_of_key_[job.key] = *tag;
  jobs_.emplace(*tag, std::move(job));
  return Outcome::kSource;
}

void Refresh::take(const ImageResult& result) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = jobs_.find(result.source.tag);
  if (found == jobs_.end()) return;
  ContentJob job = std::move(found->second);
  jobs_.erase(found);
  FileEntry& file = job.files.front();
  const FileState now =
      file_state(file.archive == nullptr ? result.source.name : file.archive->path);
  if (now.size != file.state.size || now.modified_nsec != file.state.modified_nsec) {
    // It was written to while it was read: what was embedded may be neither. The next refresh sees
    // that it has changed.
    tag_of_key_.erase(job.key);
    for (const FileEntry& each : job.files) {
      if (each.archive != nullptr) each.archive->changed = true;
    }
    report(result.source.name, nullptr);
    return;
  }
  FinishedJob finished;
  if (result.error) {
    finished.error = without_path(result.error->what(), result.source.name);
    report_.failed += job.files.size();
  } else {
    finished.embedding.assign(result.embedding, result.embedding + result.dim);
    ++report_.embedded;
  }
  if (file.is_new) {
    ++report_.added;
  } else if (job.content == 0 || job.content != file.old_content) {
    ++report_.changed;
  }
  report(result.source.name, result.error ? &*result.error : nullptr);
  finished.job = std::move(job);
  std::vector<std::shared_ptr<ArchiveWork>> archives;
  for (const FileEntry& each : finished.job.files) {
    if (each.archive == nullptr) continue;
    --each.archive->waiting;
    archives.push_back(each.archive);
  }
  pending_.add(result.source.tag, std::move(finished));
  std::sort(archives.begin(), archives.end());
  archives.erase(std::unique(archives.begin(), archives.end()), archives.end());
  for (const auto& archive : archives) settle(archive);
}

bool Refresh::due() const {
  const std::size_t waiting = pending_.size();
  return waiting > 0 && (std::max(waiting, without_source_) >= kCommitFiles ||
                         Clock::now() - committed_at_ > kCommitInterval);
}

void Refresh::commit() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    committed_at_ = Clock::now();
    if (pending_.size() == 0) return;
    report_.deleted += pending_.write(&indexed_);
    for (const auto& [tag, finished] : pending_.finished()) {
      const auto known = tag_of_key_.find(finished.job.key);
      if (known != tag_of_key_.end() && known->second == tag) tag_of_key_.erase(known);
    }
    pending_.clear();
    without_source_ = 0;
  }
  if (events_.committed) events_.committed();
}

void Refresh::embed(const RefreshPlan& plan) {
  PlanReader reader(database_);
  plan_ = &reader;
  planned_ = told_ = plan.files;
  if (events_.planned) events_.planned(plan.files);
  CancelToken stop(options_.stop);
  {
    ImageEmbedder embedder(
        model_, [this](ImageSource* source) { return next_source(source); }, options_.embed, &stop);
    std::vector<ImageResult> batch;
    try {
      while (embedder.next(&batch)) {
        for (const ImageResult& result : batch) take(result);
        flush_reports();
        bool commit_now = false;
        {
          const std::lock_guard<std::mutex> lock(mutex_);
          commit_now = due();
        }
        if (commit_now) commit();
      }
    } catch (...) {
      stop.cancel();
      commit();
      throw;
    }
  }
  flush_reports();
  commit();
}

RefreshReport Refresh::run() {
  indexed_ = index_->find_model(model_->identity());
  if (indexed_) index_->note_use(*indexed_, *model_);
  PlanOptions plan_options;
  plan_options.sub = options_.sub;
  plan_options.exclude = options_.exclude;
  plan_options.prune = options_.prune;
  plan_options.stop = options_.stop;
  plan_options.archives = options_.archives;
  const RefreshPlan plan = make_plan(index_, indexed_, plan_options);
  const std::string exclude = index_->fact(kExcludeFact);
  Lines patterns(exclude);
  for (std::string_view line; patterns.next(&line);) exclude_.emplace_back(line);
  // The members that an archive has now.
  database_->run(
      "CREATE TEMP TABLE IF NOT EXISTS members(folder INTEGER, name BLOB, PRIMARY KEY(folder, "
      "name)) WITHOUT ROWID; DELETE FROM temp.members");
  report_.deleted = plan.deleted;
  report_.kept = plan.kept;
  report_.unreachable = plan.unreachable;
  for (const auto& [path, error] : plan.errors) {
    if (events_.done) events_.done(path, &error);
    ++report_.failed;
  }
  const auto cancelled = [&] { return options_.stop != nullptr && options_.stop->cancelled(); };
  if (!cancelled() && plan.files > 0) embed(plan);
  report_.complete = !cancelled();
  // A model that has nothing to embed here is known here, too.
  if (report_.complete && !indexed_ && model_->config().embedding_dim > 0) {
    indexed_ = index_->add_model(*model_, model_->config().embedding_dim);
  }
  // A file that was renamed out of the part that was refreshed may still be found by its content.
  if (report_.complete && options_.sub.empty() && index_->fact(kOrphansFact) == "1") {
    forget_orphans(index_);
  }
  if (report_.complete && options_.sub.empty()) {
    const std::string formats = image_format_names();
    if (index_->fact(kFormatsFact) != formats) index_->set_fact(kFormatsFact, formats);
    const std::int64_t now = std::time(nullptr);
    if (report_.added + report_.changed + report_.renamed + report_.copied + report_.deleted > 0 ||
        index_->fact(kRefreshedFact).empty()) {
      index_->set_fact(kRefreshedFact, std::to_string(now));
    }
  }
  // A file that has another name is not gone.
  report_.deleted -= std::min(report_.deleted, report_.renamed);
  if (report_.complete) compact(index_, options_.prune ? 0 : kMaxUnusedShare);
  return report_;
}

}  // namespace

RefreshReport refresh(Index* index, const std::shared_ptr<const Model>& model,
                      const RefreshOptions& options, const RefreshEvents& events) {
  return Refresh(index, model, options, events).run();
}

}  // namespace clip
