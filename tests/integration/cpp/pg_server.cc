#include "tests/integration/cpp/pg_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>

namespace parallax::pgtest {

namespace {

constexpr const char* kBin = "/usr/lib/postgresql/15/bin/";

// PostgreSQL refuses to run as root.
void become_postgres() {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr || initgroups("postgres", user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
      setuid(user->pw_uid) != 0) {
    _exit(126);
  }
}

pid_t spawn(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  become_postgres();
  prctl(PR_SET_PDEATHSIG, SIGINT);  // also when the test crashes
  execv(arguments[0], arguments.data());
  _exit(127);
}

int wait_for(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

std::uint16_t free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &length);
  close(socket_fd);
  return ntohs(address.sin_port);
}

PgServer::PgServer() {
  char name[] = "/tmp/parallax-pg-XXXXXX";
  if (mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = name;
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (user == nullptr || chown(name, user->pw_uid, user->pw_gid) != 0) {
      throw std::runtime_error("no user postgres to run the server as");
    }
  }
  const auto data = directory_ + "/data";
  const auto status = wait_for(spawn({std::string(kBin) + "initdb", "-D", data, "-U", "postgres",
                                      "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"},
                                     directory_ + "/initdb.log"));
  if (status != 0) throw std::runtime_error("initdb failed, see " + directory_ + "/initdb.log");
  port_ = free_port();  // behind what takes seconds, in which another could get it
  std::ofstream(data + "/pg_hba.conf") << "local all all trust\n"
                                          "host all secretive 127.0.0.1/32 scram-sha-256\n"
                                          "host all all 127.0.0.1/32 trust\n";
}

PgServer::~PgServer() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void PgServer::start() {
  if (pid_ != 0) return;
  pid_ = spawn({std::string(kBin) + "postgres", "-D", directory_ + "/data", "-k", directory_, "-p",
                std::to_string(port_), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c",
                "autovacuum=off", "-c", "log_statement=all", "-c", "log_line_prefix=%a|", "-c",
                "max_connections=40"},
               directory_ + "/server.log");
  const auto port = std::to_string(port_);
  const char* keys[] = {"host", "port", "user", "dbname", nullptr};
  const char* values[] = {directory_.c_str(), port.c_str(), "postgres", "postgres", nullptr};
  for (int i = 0; i < 600; ++i) {
    if (PQpingParams(keys, values, 0) == PQPING_OK) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("the server did not start, see " + directory_ + "/server.log");
}

void PgServer::stop() {
  if (pid_ == 0) return;
  kill(pid_, SIGINT);
  wait_for(pid_);
  pid_ = 0;
}

std::map<std::string, std::string> PgServer::conninfo(const std::string& user) const {
  return {{"host", "127.0.0.1"},
          {"port", std::to_string(port_)},
          {"user", user},
          {"dbname", "postgres"}};
}

std::vector<std::string> PgServer::log_of(const std::string& application) const {
  std::vector<std::string> lines;
  std::ifstream log(directory_ + "/server.log");
  for (std::string line; std::getline(log, line);) {
    if (line.starts_with(application + "|")) lines.push_back(line.substr(application.size() + 1));
  }
  return lines;
}

Session::Session(const PgServer& server, const std::string& user) {
  auto words = server.conninfo(user);
  std::string text;
  for (const auto& [key, value] : words) text += key + "=" + value + " ";
  pg_ = PQconnectdb((text + "application_name=test").c_str());
  PQsetNoticeReceiver(
      pg_, [](void*, const PGresult*) {}, nullptr);
  if (PQstatus(pg_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(pg_));
}

Session::~Session() { PQfinish(pg_); }

std::string Session::run(const std::string& sql) {
  PGresult* result = PQexec(pg_, sql.c_str());
  const auto status = PQresultStatus(result);
  const std::string error = PQresultErrorMessage(result);
  std::string cell;
  if (PQntuples(result) > 0 && PQnfields(result) > 0) cell = PQgetvalue(result, 0, 0);
  PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(sql + ": " + error);
  return cell;
}

}  // namespace parallax::pgtest
