#include "proxy/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "proxy/text.h"

namespace parallax::proxy {
namespace {

constexpr const char* kSwitch = "mode.json";
constexpr const char* kRunning = "running";
constexpr const char* kLock = "lock";
constexpr std::size_t kFileBytesMax = 4096;
constexpr unsigned kUncleanMax = 1'000'000;

std::string system_error(int number) { return std::generic_category().message(number); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Whole and on disk; otherwise errno says why not.
bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(fd) == 0;
}

std::optional<SwitchRecord> parsed_switch(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto member = [&json](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto mode = shadow::mode_named(member("mode"));
  if (!mode) return std::nullopt;
  return SwitchRecord{*mode, member("since"), member("by")};
}

}  // namespace

std::variant<std::unique_ptr<StateDir>, std::string> StateDir::open(const std::string& path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return system_error(errno);
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return system_error(errno);
  Descriptor lock(::openat(directory.get(), kLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                           S_IRUSR | S_IWUSR));
  if (lock.get() < 0) return system_error(errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? "another process has it" : system_error(errno);
  return std::unique_ptr<StateDir>(new StateDir(directory.release(), lock.release()));
}

StateDir::~StateDir() {
  ::close(lock_);
  ::close(directory_);
}

std::variant<std::optional<std::string>, std::string> StateDir::read(const char* name) const {
  const Descriptor file(::openat(directory_, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return system_error(errno);
  }
  std::array<char, kFileBytesMax> buffer{};
  const auto count = ::read(file.get(), buffer.data(), buffer.size());
  if (count < 0) return system_error(errno);
  return std::optional(std::string(buffer.data(), static_cast<std::size_t>(count)));
}

// Under another name first: a crash leaves the old file or the new one.
std::string StateDir::write(const char* name, const std::string& text) const {
  const std::string draft = std::string(name) + ".new";
  {
    const Descriptor file(::openat(directory_, draft.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                                   S_IRUSR | S_IWUSR));
    if (file.get() < 0 || !write_all(file.get(), text)) return system_error(errno);
  }
  if (::renameat(directory_, draft.c_str(), directory_, name) != 0 || ::fsync(directory_) != 0)
    return system_error(errno);
  return {};
}

std::string StateDir::remove(const char* name) const {
  if (::unlinkat(directory_, name, 0) != 0 && errno != ENOENT) return system_error(errno);
  return ::fsync(directory_) == 0 ? std::string() : system_error(errno);
}

std::variant<std::optional<SwitchRecord>, std::string> StateDir::read_switch() const {
  auto text = read(kSwitch);
  if (auto* error = std::get_if<std::string>(&text)) return std::move(*error);
  const auto& found = std::get<std::optional<std::string>>(text);
  if (!found) return std::optional<SwitchRecord>();
  auto record = parsed_switch(*found);
  if (!record) return std::string(kSwitch) + " is not what was written there";
  return record;
}

std::string StateDir::keep_switch(const std::optional<SwitchRecord>& record) const {
  if (!record) return remove(kSwitch);
  const nlohmann::ordered_json json = {
      {"mode", name(record->mode)}, {"since", record->since}, {"by", escaped(record->by)}};
  return write(kSwitch, json.dump() + '\n');
}

std::variant<unsigned, std::string> StateDir::begin_run() const {
  auto text = read(kRunning);
  if (auto* error = std::get_if<std::string>(&text)) return std::move(*error);
  unsigned before = 0;
  if (const auto& found = std::get<std::optional<std::string>>(text)) {
    // Empty or garbage: it has ended uncleanly all the same.
    unsigned noted = 0;
    std::from_chars(found->data(), found->data() + found->size(), noted);
    before = std::min(noted, kUncleanMax) + 1;
  }
  if (auto error = write(kRunning, std::to_string(before) + '\n'); !error.empty()) return error;
  return before;
}

std::string StateDir::forget_unclean_runs() const { return write(kRunning, "0\n"); }

std::string StateDir::end_run() const { return remove(kRunning); }

}  // namespace parallax::proxy
