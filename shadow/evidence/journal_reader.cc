#include "shadow/evidence/journal_reader.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shadow/evidence/evidence_line.h"
#include "shadow/journal/journal_lines.h"

namespace parallax::shadow {

namespace {

// What another program has written may have no line ends at all.
constexpr std::size_t kLineBytesRead = 2 * kJournalLineBytesMax;
// The writer renames its files one after the other.
constexpr std::chrono::milliseconds kRotation{20};

// A line without its end. False at the end of the input. `whole`: it had one, and fitted.
bool next_line(std::istream& in, std::string& line, bool& whole, bool& too_long) {
  line.clear();
  whole = too_long = false;
  auto* buffer = in.rdbuf();
  for (int c = buffer->sbumpc(); c != std::char_traits<char>::eof(); c = buffer->sbumpc()) {
    if (c == '\n') {
      whole = true;
      return true;
    }
    if (line.size() < kLineBytesRead) {
      line.push_back(static_cast<char>(c));
    } else {
      too_long = true;
    }
  }
  return !line.empty();
}

}  // namespace

struct JournalReader::Impl {
  explicit Impl(Options given) : options(std::move(given)), samples(options.samples) {}

  void problem(const std::string& file, std::size_t line, std::string what) {
    ++evidence.problems_total;
    if (evidence.problems.size() < kJournalProblemsTold)
      evidence.problems.push_back({file, line, std::move(what)});
  }
  void unreadable(const std::string& file, std::string what) {
    evidence.unreadable = true;
    problem(file, 0, std::move(what));
  }
  using FileId = std::pair<dev_t, ino_t>;
  using OpenFiles = std::vector<std::pair<std::string, std::ifstream>>;
  std::optional<FileId> file_id(const std::string& path, bool must);
  bool open(const std::string& path, bool must, OpenFiles& to);
  std::string read_line(const std::string& text);
  void add(EvidenceLine line, const std::string& text);
  void add_older_states();
  bool is_new(const std::string& identity) {
    return known.insert(std::hash<std::string>{}(identity)).second;
  }

  const Options options;
  JournalEvidence evidence;
  std::string wanted;
  SampleShelf samples;
  std::unordered_set<std::size_t> known;
  std::set<FileId> files;
  std::vector<EvidenceLine> older_states;  // than Options::since
};

JournalReader::JournalReader(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
JournalReader::~JournalReader() = default;
const JournalEvidence& JournalReader::evidence() const { return impl_->evidence; }
const std::string& JournalReader::wanted_line() const { return impl_->wanted; }
const SampleShelf& JournalReader::samples() const { return impl_->samples; }

// Why the line was not understood; empty: it was.
std::string JournalReader::Impl::read_line(const std::string& text) {
  auto read = read_evidence_line(text);
  if (auto* why = std::get_if<std::string>(&read)) return std::move(*why);
  auto& line = std::get<EvidenceLine>(read);
  ++evidence.lines;
  if (!options.wanted_id.empty() && line.id == options.wanted_id) wanted = text;
  const bool in_time = !options.since || line.time >= *options.since;
  if (!in_time && line.kind != EvidenceLine::Kind::state) return {};
  if (in_time) ++evidence.in_time;
  if (!is_new(line.identity)) {
    ++evidence.repeated;
    return {};
  }
  if (in_time) {
    add(std::move(line), text);
  } else {
    older_states.push_back(std::move(line));
  }
  return {};
}

void JournalReader::Impl::add(EvidenceLine line, const std::string& text) {
  if (line.kind == EvidenceLine::Kind::sample) {
    samples.add(line.rule, {line.time, line.vacuous, line.values, text});
    return;
  }
  if (!line.instance.empty()) {
    auto& heard = evidence.instances.try_emplace(line.instance, line.time).first->second;
    heard = std::max(heard, line.time);
  }
  auto& version = evidence.rules[line.rule].versions[line.version];
  version.version = line.version;
  add_line(version, std::move(line), options.examples);
}

// A state holds until another one is told, which may be never. Of what is no more there is nothing
// to tell.
void JournalReader::Impl::add_older_states() {
  std::erase_if(older_states, [this](EvidenceLine& line) {
    const auto rule = evidence.rules.find(line.rule);
    const bool served =
        rule != evidence.rules.end() && rule->second.versions.contains(line.version);
    if (served) add(std::move(line), {});
    return served;
  });
}

// Which file a path means now; nothing where there is none, which is told where there must be one.
std::optional<JournalReader::Impl::FileId> JournalReader::Impl::file_id(const std::string& path,
                                                                        bool must) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (must) unreadable(path, std::generic_category().message(errno));
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    unreadable(path, "not a file");
    return std::nullopt;
  }
  return FileId(status.st_dev, status.st_ino);
}

// False: there is none. One that was read before is left out.
bool JournalReader::Impl::open(const std::string& path, bool must, OpenFiles& to) {
  while (true) {
    const auto id = file_id(path, must);
    if (!id) return false;
    if (files.contains(*id)) return true;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      unreadable(path, std::generic_category().message(errno));
      return true;
    }
    if (file_id(path, must) != id) continue;  // rotated in between
    files.insert(*id);
    to.emplace_back(path, std::move(file));
    return true;
  }
}

void JournalReader::read_path(const std::string& path) {
  if (path == "-") return read(std::cin, "standard input");
  // All are open before the first is read, the newest first: what is rotated meanwhile is found
  // under its former name or under its next one. While one file moves, its name is nobody's.
  Impl::OpenFiles open;
  const auto name = [&path](std::size_t number) {
    return number == 0 ? path : path + '.' + std::to_string(number);
  };
  if (::access(path.c_str(), F_OK) != 0) std::this_thread::sleep_for(kRotation);
  for (std::size_t number = 0;; ++number) {
    if (impl_->open(name(number), number == 0, open)) continue;
    if (number == 0 || ::access(name(number + 1).c_str(), F_OK) != 0) break;
    std::this_thread::sleep_for(kRotation);
    impl_->open(name(number), false, open);
  }
  // From the oldest on.
  for (auto one = open.rbegin(); one != open.rend(); ++one) read(one->second, one->first);
}

void JournalReader::read(std::istream& in, const std::string& name) {
  std::string line;
  bool whole = false;
  bool too_long = false;
  for (std::size_t number = 1; next_line(in, line, whole, too_long); ++number) {
    if (line.empty()) continue;
    std::string why = too_long ? "a line longer than any of a journal" : impl_->read_line(line);
    if (why.empty()) continue;
    if (!whole && !too_long) why = "the last line is torn";
    impl_->problem(name, number, std::move(why));
  }
  impl_->add_older_states();
  if (in.bad()) impl_->unreadable(name, "cannot be read to its end");
}

}  // namespace parallax::shadow
