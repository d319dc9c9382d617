#pragma once

// The TLS contexts of a configuration: of each listener that has a certificate, and of each
// upstream that is reached by TLS.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/config.h"
#include "proxy/io/tls_context.h"

namespace parallax::proxy {

// Thread-safe.
class TlsContexts {
 public:
  using Problems = std::vector<shadow::ConfigProblem>;

  // Reads the files of all listeners. Nothing is replaced unless all of them are fine; sessions
  // keep the context that they began with.
  Problems load(const Config& config);

  // Null: no TLS there.
  std::shared_ptr<const io::TlsContext> of_listener(std::size_t index) const;
  std::shared_ptr<const io::TlsContext> of_upstream(std::size_t index) const;
  // End of the listener's certificate in seconds since the Unix epoch; nothing without one.
  std::optional<double> expires_at(std::size_t index) const;

 private:
  struct Contexts {
    std::shared_ptr<const io::TlsContext> listener;
    std::shared_ptr<const io::TlsContext> upstream;
  };

  mutable std::mutex mutex_;
  std::vector<Contexts> contexts_;  // by listener
};

}  // namespace parallax::proxy
