#pragma once

// The journal's files: lines are appended to `path`; when it is full it becomes `path.1`, `path.1`
// becomes `path.2`, and so on. A crash leaves at most one torn line, the last; it is ended before
// the next line. Not thread-safe.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace parallax::shadow {

class JournalFile {
 public:
  // Creates the file (mode 0600) or goes on at its end. Otherwise why it cannot be opened. `files`:
  // how many are kept, with the current one.
  static std::variant<std::unique_ptr<JournalFile>, std::string> open(std::string path,
                                                                      std::size_t bytes,
                                                                      std::size_t files);
  ~JournalFile();
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  // Writes the line and its end, all or nothing. Empty, or why it is lost. After an error the next
  // call tries everything again. A line longer than a file may be gets a file of its own.
  std::string append(std::string_view line);
  // Down to the disk. Empty, or why not.
  std::string sync();
  // Looks whether the path still names this file: what was renamed (logrotate) or removed is let
  // go, and the next line opens the path again.
  void check();

  const std::string& path() const { return path_; }

 private:
  JournalFile(std::string path, std::size_t bytes, std::size_t files);
  std::string reopen();
  std::string rotate();
  std::string end_torn_line();
  void close();

  std::string path_;
  std::size_t bytes_max_;
  std::size_t files_max_;
  int fd_ = -1;
  std::size_t size_ = 0;
  bool torn_ = false;
};

}  // namespace parallax::shadow
