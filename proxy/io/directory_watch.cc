#include "proxy/io/directory_watch.h"

#include <utility>

namespace parallax::io {

DirectoryWatch::DirectoryWatch(Loop& loop, const std::string& directory,
                               std::function<void(const std::string& name)> changed)
    : block_(HandleBlock<uv_fs_event_t, DirectoryWatch>::make(this)), changed_(std::move(changed)) {
  uv_fs_event_init(loop.uv(), block_->get());
  uv_fs_event_start(
      block_->get(),
      [](uv_fs_event_t* handle, const char* name, int, int) {
        auto* watch = HandleBlock<uv_fs_event_t, DirectoryWatch>::owner_of(handle);
        if (watch != nullptr) watch->changed_(name == nullptr ? std::string() : std::string(name));
      },
      directory.c_str(), 0);
}

DirectoryWatch::~DirectoryWatch() { block_->close(); }

}  // namespace parallax::io
