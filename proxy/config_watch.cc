#include "proxy/config_watch.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "proxy/config.h"

namespace parallax::proxy {
namespace {

constexpr std::chrono::milliseconds kSettled{100};

std::filesystem::path normal(const std::string& path) {
  std::error_code error;  // the working directory may be gone
  const auto absolute = std::filesystem::absolute(path, error);
  return (error ? std::filesystem::path(path) : absolute).lexically_normal();
}

// Of the files that a pattern may name: the pattern's own, or all that match where it has one.
void add_directories(const std::string& pattern, std::set<std::string>& directories) {
  const auto parent = normal(pattern).parent_path().string();
  if (parent.find_first_of("*?[") == std::string::npos) {
    directories.insert(parent);
    return;
  }
  for (const auto& directory : file_system().matches(parent)) directories.insert(directory);
}

}  // namespace

ConfigWatch::ConfigWatch(io::Loop& loop, const std::vector<std::string>& patterns,
                         std::function<void()> changed)
    : changed_(std::move(changed)), settling_(loop) {
  std::set<std::string> directories;
  for (const auto& pattern : patterns) {
    patterns_.push_back(normal(pattern).string());
    add_directories(pattern, directories);
  }
  for (const auto& directory : directories) {
    watches_.push_back(std::make_unique<io::DirectoryWatch>(
        loop, directory,
        [this, directory](const std::string& name) { entry_changed(directory, name); }));
  }
}

// Others may write there too: the journal, a log.
void ConfigWatch::entry_changed(const std::string& directory, const std::string& name) {
  const auto path = (std::filesystem::path(directory) / name).string();
  const bool ours = name.empty() || std::ranges::any_of(patterns_, [&](const std::string& pattern) {
                      return fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
                    });
  if (ours) settling_.start(kSettled, [this] { changed_(); });
}

}  // namespace parallax::proxy
