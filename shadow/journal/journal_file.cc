#include "shadow/journal/journal_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace parallax::shadow {
namespace {

std::string system_error(int number) { return std::generic_category().message(number); }

// How many bytes were written; fewer than all where `errno` says why.
std::size_t write_all(int fd, std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const auto count = ::write(fd, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  return written;
}

bool is_torn(int fd, std::size_t size) {
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, static_cast<off_t>(size - 1)) == 1 && last != '\n';
}

}  // namespace

JournalFile::JournalFile(std::string path, std::size_t bytes, std::size_t files)
    : path_(std::move(path)), bytes_max_(bytes), files_max_(files) {}

JournalFile::~JournalFile() { close(); }

std::variant<std::unique_ptr<JournalFile>, std::string> JournalFile::open(std::string path,
                                                                          std::size_t bytes,
                                                                          std::size_t files) {
  std::unique_ptr<JournalFile> file(new JournalFile(std::move(path), bytes, files));
  if (auto error = file->reopen(); !error.empty()) return error;
  return file;
}

void JournalFile::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string JournalFile::reopen() {
  // Non-blocking: to open a FIFO that nobody reads would wait. Readable: for the last byte.
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
               S_IRUSR | S_IWUSR);
  if (fd_ < 0) return system_error(errno);
  struct stat status {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close();
    return "not a regular file";
  }
  size_ = static_cast<std::size_t>(status.st_size);
  torn_ = is_torn(fd_, size_);
  return {};
}

std::string JournalFile::rotate() {
  const auto older = [this](std::size_t number) { return path_ + '.' + std::to_string(number); };
  std::string error;
  if (files_max_ == 1) {
    if (::unlink(path_.c_str()) != 0) error = system_error(errno);
  } else {
    for (std::size_t number = files_max_ - 1; number > 1; --number) {
      // The first rotations have nothing to move.
      if (std::rename(older(number - 1).c_str(), older(number).c_str()) != 0 && errno != ENOENT)
        return system_error(errno);
    }
    if (std::rename(path_.c_str(), older(1).c_str()) != 0) error = system_error(errno);
  }
  close();
  return error.empty() ? reopen() : error;
}

std::string JournalFile::end_torn_line() {
  if (write_all(fd_, "\n") != 1) return system_error(errno);
  ++size_;
  torn_ = false;
  return {};
}

std::string JournalFile::append(std::string_view line) {
  std::string error;
  if (fd_ < 0) error = reopen();
  if (error.empty() && size_ > 0 && size_ + line.size() + 1 > bytes_max_) error = rotate();
  if (error.empty() && torn_) error = end_torn_line();
  if (!error.empty()) return error;
  std::string whole(line);
  whole += '\n';
  const auto written = write_all(fd_, whole);
  if (written == whole.size()) {
    size_ += written;
    return {};
  }
  error = system_error(errno);
  if (written > 0 && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0) {
    size_ += written;
    torn_ = true;
  }
  return error;
}

std::string JournalFile::sync() {
  if (fd_ < 0 || ::fdatasync(fd_) == 0) return {};
  return system_error(errno);
}

void JournalFile::check() {
  if (fd_ < 0) return;
  struct stat named {};
  struct stat own {};
  const bool same = ::stat(path_.c_str(), &named) == 0 && ::fstat(fd_, &own) == 0 &&
                    named.st_dev == own.st_dev && named.st_ino == own.st_ino;
  if (!same) return close();
  // Somebody may have cut it off (copytruncate).
  size_ = static_cast<std::size_t>(own.st_size);
}

}  // namespace parallax::shadow
