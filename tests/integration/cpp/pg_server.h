#pragma once

// A throwaway PostgreSQL: own directory, free port, no fsync, every statement logged. Stopped by
// its process id at the end.

#include <libpq-fe.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace parallax::pgtest {

// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

class PgServer {
 public:
  PgServer();
  ~PgServer();
  PgServer(const PgServer&) = delete;
  PgServer& operator=(const PgServer&) = delete;

  // Returns when it accepts connections.
  void start();
  // Fast shutdown: sessions are ended.
  void stop();

  std::map<std::string, std::string> conninfo(const std::string& user = "tester") const;
  const std::string& socket_directory() const { return directory_; }
  // What sessions of this application have logged.
  std::vector<std::string> log_of(const std::string& application) const;

 private:
  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

// A plain session of the test itself.
class Session {
 public:
  explicit Session(const PgServer& server, const std::string& user = "postgres");
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Throws on an error. Returns the first cell, if any.
  std::string run(const std::string& sql);

 private:
  PGconn* pg_;
};

}  // namespace parallax::pgtest
