#include "proxy/tls_contexts.h"

#include <utility>

namespace parallax::proxy {
namespace {

using Context = std::shared_ptr<const io::TlsContext>;

Context taken(io::TlsContext::Made made, const shadow::SourceMark& place, const char* key,
              TlsContexts::Problems& problems) {
  if (auto* problem = std::get_if<std::string>(&made)) {
    problems.push_back({place, '`' + std::string(key) + "`: " + *problem});
    return nullptr;
  }
  return std::get<Context>(std::move(made));
}

}  // namespace

TlsContexts::Problems TlsContexts::load(const Config& config) {
  Problems problems;
  std::vector<Contexts> loaded;
  for (const ListenerConfig& listener : config.listeners) {
    Contexts contexts;
    if (listener.tls.mode != TlsMode::disable && listener.tls.certificate_file.empty() &&
        !contexts_.empty()) {
      contexts.listener = contexts_[loaded.size()].listener;  // of its own making: still good
    } else if (listener.tls.mode != TlsMode::disable) {
      contexts.listener =
          taken(io::TlsContext::server({.certificate_file = listener.tls.certificate_file,
                                        .key_file = listener.tls.key_file}),
                listener.tls.mark, "tls", problems);
    }
    if (listener.upstream_tls) {
      contexts.upstream = taken(io::TlsContext::client(*listener.upstream_tls),
                                listener.upstream_mark, "upstream", problems);
    }
    loaded.push_back(std::move(contexts));
  }
  if (problems.empty()) {
    const std::lock_guard lock(mutex_);
    contexts_ = std::move(loaded);
  }
  return problems;
}

Context TlsContexts::of_listener(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  return contexts_.at(index).listener;
}

Context TlsContexts::of_upstream(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  return contexts_.at(index).upstream;
}

std::optional<double> TlsContexts::expires_at(std::size_t index) const {
  const auto context = of_listener(index);
  if (context == nullptr) return std::nullopt;
  return static_cast<double>(context->expires_at());
}

}  // namespace parallax::proxy
