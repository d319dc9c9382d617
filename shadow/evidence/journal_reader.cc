#include "shadow/evidence/journal_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <functional>
#include <iostream>
#include <set>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "shadow/evidence/evidence_line.h"
#include "shadow/journal/journal_lines.h"

namespace parallax::shadow {

namespace {

// What another program has written may have no line ends at all.
constexpr std::size_t kLineBytesRead = 2 * kJournalLineBytesMax;

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
  bool read_file(const std::string& path, bool must);
  std::string read_line(const std::string& text);
  bool is_new(const std::string& identity) {
    return known.insert(std::hash<std::string>{}(identity)).second;
  }

  const Options options;
  JournalEvidence evidence;
  std::string wanted;
  SampleShelf samples;
  std::unordered_set<std::size_t> known;
  std::set<std::pair<dev_t, ino_t>> files;
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
  if (options.since && line.time < *options.since) return {};
  if (!is_new(line.identity)) {
    ++evidence.repeated;
    return {};
  }
  if (line.kind == EvidenceLine::Kind::sample) {
    samples.add(line.rule, {line.time, line.vacuous, line.values, text});
    return {};
  }
  if (!line.instance.empty()) {
    auto& heard = evidence.instances.try_emplace(line.instance, line.time).first->second;
    heard = std::max(heard, line.time);
  }
  auto& version = evidence.rules[line.rule].versions[line.version];
  version.version = line.version;
  add_line(version, std::move(line), options.examples);
  return {};
}

// False where there is none and none must be.
bool JournalReader::Impl::read_file(const std::string& path, bool must) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (must) unreadable(path, std::generic_category().message(errno));
    return false;
  }
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    unreadable(path, "not a file");
    return false;
  }
  return files.insert({status.st_dev, status.st_ino}).second || !must;
}

void JournalReader::read_path(const std::string& path) {
  if (path == "-") return read(std::cin, "standard input");
  std::vector<std::string> paths = {path};
  if (!impl_->read_file(path, true)) return;
  while (true) {
    const std::string older = path + '.' + std::to_string(paths.size());
    const auto before = impl_->files.size();
    if (!impl_->read_file(older, false) || impl_->files.size() == before) break;
    paths.push_back(older);
  }
  // From the oldest on.
  for (auto one = paths.rbegin(); one != paths.rend(); ++one) {
    std::ifstream file(*one, std::ios::binary);
    if (!file) {
      impl_->unreadable(*one, std::generic_category().message(errno));
    } else {
      read(file, *one);
    }
  }
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
  if (in.bad()) impl_->unreadable(name, "cannot be read to its end");
}

}  // namespace parallax::shadow
