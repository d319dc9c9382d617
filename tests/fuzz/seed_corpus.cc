// Writes the seeds of the fuzz targets of the protocol, made from the recorded sessions of the
// tests.

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/fuzz/conversation_input.h"
#include "tests/support/recorded_failures.h"

namespace parallax::test {
namespace {

class Corpus {
 public:
  Corpus(const std::filesystem::path& root, const std::string& target) : directory_(root / target) {
    std::filesystem::create_directories(directory_);
  }
  // The file is named after what it shows.
  void add(std::string name, const std::string& data) const {
    for (char& c : name) {
      c = std::isalnum(static_cast<unsigned char>(c)) != 0
              ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
              : '_';
    }
    std::ofstream(directory_ / name, std::ios::binary) << data;
  }

 private:
  std::filesystem::path directory_;
};

void seed_framer(const Corpus& corpus) {
  std::size_t piece = 1;
  for (const RecordedSession& recorded : recorded_sessions()) {
    if (piece > 12) return;
    std::string stream(1, static_cast<char>(piece++));
    for (const Step& step : with_start(recorded)) stream += step.data;
    corpus.add("stream " + std::to_string(piece), stream);
  }
}

void seed_startup(const Corpus& corpus) {
  const Parameters parameters{
      {"user", "a.b"}, {"database", "d"}, {"options", "-c a=b"}, {"replication", "true"}};
  corpus.add("ssl", fe::ssl_request());
  corpus.add("gssenc", fe::gssenc_request());
  corpus.add("ssl stuffed", fe::ssl_request() + fe::startup(parameters));
  corpus.add("cancel", fe::cancel_request(1, "keys"));
  corpus.add("cancel long", fe::cancel_request(1, std::string(256, 'k')));
  corpus.add("startup 3 0", fe::startup(parameters));
  corpus.add("startup 3 2", fe::startup({{"user", "u"}, {"_pq_.x", "1"}}, 0x30002));
  corpus.add("startup 3 9999", fe::startup({{"user", "u"}, {"user", "v"}}, 0x3270f));
  corpus.add("startup 2 0", fe::startup(parameters, 0x20000));
  corpus.add("startup 4 0", fe::startup(parameters, 0x40000));
  corpus.add("startup empty", fe::startup({}));
  corpus.add("startup cut", packet(fe::kVersion30, z("user") + "u"));
  corpus.add("length 7", u32(7) + std::string(8, 'x'));
  corpus.add("http", "GET / HTTP/1.1\r\n\r\n");
}

void seed_conversation(const Corpus& corpus) {
  std::size_t piece = 1;
  for (const RecordedSession& recorded : recorded_sessions()) {
    corpus.add(recorded.name, write_input(piece % 40 + 1, piece % 5 == 0, with_start(recorded)));
    ++piece;
  }
  corpus.add(
      "authentication",
      write_input(3, false,
                  {server(be::authentication_sasl({"SCRAM-SHA-256"})), client(fe::password("x")),
                   server(be::authentication_sasl_continue("r=") + be::session_start())}));
  corpus.add("protocol 2 error", write_input(3, false, {server("EFATAL:  unsupported\n")}));
}

}  // namespace
}  // namespace parallax::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: seed_corpus DIRECTORY\n";
    return 2;
  }
  using namespace parallax::test;
  const std::filesystem::path root = argv[1];
  seed_framer({root, "framer"});
  seed_startup({root, "startup"});
  seed_conversation({root, "conversation"});
  return 0;
}
