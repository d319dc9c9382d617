#pragma once

// Tells when an entry of a directory is written, made, renamed or removed.

#include <uv.h>

#include <functional>
#include <string>

#include "proxy/io/handle.h"
#include "proxy/io/loop.h"

namespace parallax::io {

class DirectoryWatch {
 public:
  // `changed` hears the entry's name, empty when the system does not tell it; it must not destroy
  // the watch. A directory that cannot be watched is never told of.
  DirectoryWatch(Loop& loop, const std::string& directory,
                 std::function<void(const std::string& name)> changed);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

 private:
  HandleBlock<uv_fs_event_t, DirectoryWatch>* block_;
  std::function<void(const std::string& name)> changed_;
};

}  // namespace parallax::io
