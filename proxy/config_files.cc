#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "proxy/config.h"

namespace parallax::proxy {
namespace {

FileError failure() { return {std::generic_category().message(errno)}; }

std::variant<std::string, FileError> read_file(const std::string& path) {
  // Non-blocking, so that a FIFO does not hang the start.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return failure();
  std::variant<std::string, FileError> result = std::string();
  std::string& text = std::get<std::string>(result);
  std::array<char, 65536> buffer{};
  ssize_t count = 0;
  while ((count = read(file, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kConfigFileBytesMax) break;
  }
  const FileError failed = failure();
  const bool too_large = text.size() > kConfigFileBytesMax;
  close(file);
  if (count < 0) return failed;
  if (too_large) {
    return FileError{"larger than " + std::to_string((kConfigFileBytesMax >> 20U)) + " MiB"};
  }
  return result;
}

std::vector<std::string> matching_files(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);  // sorted by glob(3)
  }
  globfree(&found);
  return paths;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // read at start only, before there are threads
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

FileSource file_system() { return {read_file, matching_files}; }

}  // namespace parallax::proxy
