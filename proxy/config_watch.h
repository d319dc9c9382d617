#pragma once

// Watches the files that a configuration is made of, by their directories: editors write a new file
// and rename it over the old one.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/io/directory_watch.h"
#include "proxy/io/loop.h"
#include "proxy/io/timer.h"

namespace parallax::proxy {

class ConfigWatch {
 public:
  // `patterns`: Config::files. `changed` is called once for changes that come together; it must not
  // destroy the watch.
  ConfigWatch(io::Loop& loop, const std::vector<std::string>& patterns,
              std::function<void()> changed);

 private:
  void entry_changed(const std::string& directory, const std::string& name);

  std::vector<std::string> patterns_;
  std::function<void()> changed_;
  io::Timer settling_;
  std::vector<std::unique_ptr<io::DirectoryWatch>> watches_;
};

}  // namespace parallax::proxy
