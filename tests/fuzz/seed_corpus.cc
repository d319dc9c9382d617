// Writes the seeds of the fuzz targets of the protocol, made from the recorded sessions of the
// tests.

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/fuzz/login_input.h"
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

constexpr const char* kPlus = "SCRAM-SHA-256-PLUS";
constexpr const char* kPlain = "SCRAM-SHA-256";

std::string sasl_first(std::string_view mechanism, std::string_view data) {
  return message('p',
                 z(mechanism) + i32(static_cast<std::int32_t>(data.size())) + std::string(data));
}

Step offer(const std::vector<std::string>& names) { return server(be::authentication_sasl(names)); }
Step challenge(std::string_view nonce) {
  return server(be::authentication_sasl_continue(
      "r=" + std::string(nonce) + "3rfcNHYJY1ZVvWVs7j,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2"));
}
Step password() { return client(fe::password(kFuzzPassword)); }

constexpr unsigned kBothTls = legs::kClientTls | legs::kServerTls;

// SCRAM between the two, as it passes.
void seed_login_scram(const Corpus& corpus) {
  const Session scram{
      offer({kPlus, kPlain, "OAUTHBEARER"}),
      client(sasl_first(kPlain, "n,,n=,r=rOprNGfwEbeRWgbNEkqO")),
      challenge("rOprNGfwEbeRWgbNEkqO"),
      client(message('p', "c=biws,r=rOprNGfwEbeRWgbNEkqO3rfcNHYJY1ZVvWVs7j,p=cHJvb2Y=")),
      server(be::authentication_sasl_final("v=c2lnbmF0dXJl") + be::session_start()),
      client(fe::query("select 1"))};
  corpus.add("scram plain", write_login(0, 3, scram));
  corpus.add("scram plain behind tls", write_login(legs::kServerTls, 7, scram));
  corpus.add("scram tls", write_login(kBothTls, 1, scram));
  const auto refused = [&](const char* mechanism, const char* first, const char* sqlstate) {
    return write_login(kBothTls, 5,
                       {offer({kPlus, kPlain}), client(sasl_first(mechanism, first)),
                        server(be::error(sqlstate, "refused", "FATAL"))});
  };
  corpus.add("binding failed", refused(kPlus, "p=tls-server-end-point,,n=,r=x", "28000"));
  corpus.add("binding not negotiated", refused(kPlain, "y,,n=,r=x", "28000"));
  corpus.add("wrong password", refused(kPlain, "n,,n=,r=x", "28P01"));
  corpus.add("only plus", write_login(0, 2, {offer({kPlus})}));
  corpus.add("list without end",
             write_login(0, 2, {server(message('R', u32(10) + z(kPlus) + z(kPlain)))}));
}

// SCRAM in the client's name.
void seed_login_mediated(const Corpus& corpus) {
  const auto with = [](std::size_t piece, Session steps) {
    steps.insert(steps.begin(), offer({kPlus, kPlain}));
    return write_login(kBothTls | legs::kAskPassword, piece, steps);
  };
  const auto challenged = challenge(kNonceMark);
  const std::string proof = be::authentication_sasl_final("v=" + std::string(kSignatureMark));
  corpus.add("mediated", with(4, {password(), challenged, server(proof + be::session_start()),
                                  client(fe::query("select 1"))}));
  corpus.add("mediated without proof",
             with(9, {password(), challenged, server(be::session_start())}));
  corpus.add("mediated with a wrong signature",
             with(2, {password(), challenged, server(be::authentication_sasl_final("v=AAAA"))}));
  corpus.add("mediated two passwords", with(6, {password(), password()}));
  corpus.add("mediated left in the middle",
             with(6, {password(), server(be::authentication_cleartext())}));
  corpus.add("mediated no message", with(6, {client("p\xff\xff\xff\xffx")}));
}

// What passes whatever it is, and what does not.
void seed_login_others(const Corpus& corpus) {
  const auto cleartext = server(be::notice("x") + be::authentication_cleartext());
  const auto start = server(be::session_start());
  corpus.add("cleartext refused", write_login(legs::kServerTls, 3, {cleartext, password()}));
  corpus.add("cleartext local",
             write_login(legs::kServerTls | legs::kClientLocal, 3, {cleartext, password(), start}));
  corpus.add("md5", write_login(legs::kClientTls, 3,
                                {server(message('R', u32(5) + "salt")), password(), start}));
  corpus.add(
      "version and notices",
      write_login(0, 2,
                  {server(be::negotiate_protocol_version(3 << 16, {"_pq_.x"}) + be::notice("x")),
                   offer({kPlain, kPlus}), start}));
  corpus.add("protocol 2 error",
             write_login(0, 4, {server("EFATAL:  unsupported\n" + std::string(1, '\0'))}));
  corpus.add(
      "client pipelines",
      write_login(
          0, 4, {client(fe::password("x") + fe::query("select 1") + "Q"), start, client("rest")}));
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
  seed_login_scram({root, "login"});
  seed_login_mediated({root, "login"});
  seed_login_others({root, "login"});
  return 0;
}
