#include <array>
#include <utility>

#include "proxy/config_draft.h"
#include "proxy/expand.h"
#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

template <typename T>
struct Word {
  std::string_view word;
  T value;
};
constexpr std::array kTlsModes = {Word<TlsMode>{"disable", TlsMode::disable},
                                  Word<TlsMode>{"allow", TlsMode::allow},
                                  Word<TlsMode>{"require", TlsMode::require}};
constexpr std::array kAuthModes = {Word<AuthMode>{"passthrough", AuthMode::passthrough},
                                   Word<AuthMode>{"password", AuthMode::password}};

template <typename T, std::size_t n>
Parsed<T> parse_word(const std::array<Word<T>, n>& words, std::string_view text) {
  std::string known;
  for (const auto& one : words) {
    if (one.word == text) return one.value;
    if (!known.empty()) known += &one == &words.back() ? " or " : ", ";
    known += '`' + std::string(one.word) + '`';
  }
  return ValueError{"write " + known + ", not " + quoted_value(text)};
}

Parsed<std::string> parse_name(std::string_view text) {
  const bool plain = !text.empty() && text.size() <= 63 &&
                     text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_.-") == std::string_view::npos;
  if (!plain) {
    return ValueError{"write up to 63 letters, digits, `_`, `.` and `-`, not " +
                      quoted_value(text)};
  }
  return std::string(text);
}

// What stands under `tls:`, before it is judged.
struct TlsKeys {
  std::optional<std::string> certificate;
  std::optional<std::string> key;
  std::optional<TlsMode> mode;
  bool self_signed = false;
};

// What is wrong with the keys taken together; empty when nothing is.
std::string tls_problem(const TlsKeys& keys) {
  if (keys.mode == TlsMode::disable) return {};
  if (keys.self_signed && (keys.certificate || keys.key)) {
    return "`self_signed` makes a certificate of its own: write it or `cert` and `key`";
  }
  if (!keys.self_signed && (!keys.certificate || !keys.key)) {
    return "write `cert` and `key`, or `self_signed: true` on loopback";
  }
  return {};
}

void read_tls(YamlReader& reader, const YamlEntry& entry, DraftListener& listener) {
  TlsKeys keys;
  const auto file = [&](std::optional<std::string>& target) {
    return [&reader, &target](const YamlEntry& one) {
      if (auto text = reader.text(one); text && !text->empty()) {
        target = path_from(reader.directory(), *text);
      }
    };
  };
  const auto read_mode = [&](const YamlEntry& one) {
    TlsMode mode{};
    if (reader.value(one, mode,
                     [](std::string_view text) { return parse_word(kTlsModes, text); })) {
      keys.mode = mode;
    }
  };
  reader.mapping(entry.value, {entry.path,
                               {{"cert", file(keys.certificate)},
                                {"key", file(keys.key)},
                                {"mode", read_mode},
                                {"self_signed", [&](const YamlEntry& one) {
                                   reader.value(one, keys.self_signed, parse_flag);
                                 }}}});
  if (const auto problem = tls_problem(keys); !problem.empty()) {
    listener.tls_is_wrong = true;
    reader.problem(entry, problem);
    return;
  }
  listener.tls = {.mode = keys.mode.value_or(TlsMode::allow),
                  .certificate_file = keys.certificate.value_or(""),
                  .key_file = keys.key.value_or(""),
                  .mark = reader.mark(entry.value)};
}

// Judges listeners when everything is known.
class Checker {
 public:
  Checker(const ConfigDraft& draft, Problems& problems) : draft_(draft), problems_(problems) {}

  void check(const DraftListener& listener);
  void check_names();
  void check_shadow();

 private:
  void problem(const DraftListener& listener, const std::string& key, const std::string& message) {
    const auto given = listener.given.find(key);
    problems_.push_back({given == listener.given.end() ? listener.place : given->second, message});
  }
  void check_complete(const DraftListener& listener);
  void check_loops(const DraftListener& listener);

  const ConfigDraft& draft_;
  Problems& problems_;
};

std::string in_ticks(const DraftListener& listener, const char* key) {
  return '`' + listener.path + key + '`';
}

void Checker::check(const DraftListener& listener) {
  check_complete(listener);
  check_loops(listener);
  const bool own_certificate =
      listener.tls.mode != TlsMode::disable && listener.tls.certificate_file.empty();
  if (own_certificate && listener.listen && !is_local(listener.listen->host)) {
    problem(listener, "tls",
            in_ticks(listener, "tls") +
                ": `self_signed` is for loopback and Unix sockets, where nobody has to trust it: "
                "write `cert` and `key`");
  }
  if (listener.auth == AuthMode::password && listener.tls.mode == TlsMode::disable &&
      !listener.tls_is_wrong) {
    problem(listener, "auth",
            in_ticks(listener, "auth") +
                ": `password` asks for passwords inside TLS: write `tls` for this listener, too");
  }
}

void Checker::check_complete(const DraftListener& listener) {
  if (!listener.given.contains("listen")) {
    problem(listener, "listen",
            in_ticks(listener, "listen") +
                " is missing: write where clients connect, `listen: 127.0.0.1:6432`");
  }
  if (!listener.given.contains("upstream")) {
    problem(listener, "upstream",
            in_ticks(listener, "upstream") +
                " is missing: write the server, `upstream: "
                "postgresql://user@127.0.0.1:5432/database`");
  }
  if (!listener.path.empty() && !listener.given.contains("name")) {
    problem(listener, "name",
            in_ticks(listener, "name") + " is missing: logs and metrics need one");
  }
}

// An upstream that is a listener of our own: each connection would make another one.
void Checker::check_loops(const DraftListener& listener) {
  if (!listener.upstream) return;
  for (const DraftListener& other : draft_.listeners) {
    if (!other.listen || !reaches(*other.listen, host_port(*listener.upstream))) continue;
    problem(listener, "upstream",
            in_ticks(listener, "upstream") + " is the own " + in_ticks(other, "listen") +
                " address, " + listen_text(*other.listen) +
                ": every connection would come back to Parallax");
  }
}

void Checker::check_names() {
  for (std::size_t i = 0; i < draft_.listeners.size(); ++i) {
    const auto& one = draft_.listeners[i];
    for (std::size_t j = 0; j < i; ++j) {
      const auto& other = draft_.listeners[j];
      if (one.name && one.name == other.name) {
        problem(one, "name", in_ticks(one, "name") + " is the name of another listener");
      }
      if (one.listen && other.listen && one.listen->port != 0 &&
          (reaches(*one.listen, *other.listen) || reaches(*other.listen, *one.listen))) {
        problem(one, "listen",
                in_ticks(one, "listen") + " is the same address as " + in_ticks(other, "listen"));
      }
    }
  }
}

// Replays go to one database. Where listeners lead to several, it is not guessed which.
void Checker::check_shadow() {
  const auto& first = draft_.listeners.front();
  if (!first.upstream) return;
  if (draft_.shadow.contains("host") || draft_.rules.empty()) return;
  for (const DraftListener& other : draft_.listeners) {
    if (!other.upstream) continue;
    const auto one = host_port(*first.upstream);
    const auto two = host_port(*other.upstream);
    if (one.host == two.host && one.port == two.port) continue;
    problem(other, "upstream",
            in_ticks(other, "upstream") + " is another server than " + in_ticks(first, "upstream") +
                ": write `shadow.url`, the server that replays go to; it must hold the data of "
                "all of them");
    return;
  }
}

}  // namespace

std::optional<ServerParts> read_url(YamlReader& reader, const YamlEntry& entry, UrlUse use,
                                    ConfigDraft& draft) {
  const auto text = reader.text(entry);
  if (!text) return std::nullopt;
  ServerUrl url = read_server_url(*text, use);
  for (const std::string& problem : url.problems) reader.problem(entry, problem);
  for (const std::string& warning : url.warnings) {
    draft.config.warnings.push_back({reader.mark(entry.value), '`' + entry.path + "`: " + warning});
  }
  if (!url.problems.empty()) return std::nullopt;
  return std::move(url.parts);
}

std::vector<YamlKey> listener_keys(YamlReader& reader, ConfigDraft& draft,
                                   DraftListener& listener) {
  const auto key = [&](std::string_view name, std::function<void(const YamlEntry&)> read) {
    return YamlKey{name, [&reader, &listener, read = std::move(read)](const YamlEntry& entry) {
                     listener.given[entry.key] = reader.mark(entry.value);
                     read(entry);
                   }};
  };
  return {
      key("listen",
          [&](const YamlEntry& entry) {
            HostPort address;
            const auto parse = [](std::string_view text) {
              return parse_listen(text, "127.0.0.1:6432");
            };
            if (reader.value(entry, address, parse)) listener.listen = std::move(address);
          }),
      key("upstream",
          [&](const YamlEntry& entry) {
            listener.upstream = read_url(reader, entry, UrlUse::upstream, draft);
          }),
      key("tls", [&](const YamlEntry& entry) { read_tls(reader, entry, listener); }),
      key("auth",
          [&](const YamlEntry& entry) {
            reader.value(entry, listener.auth,
                         [](std::string_view text) { return parse_word(kAuthModes, text); });
          }),
  };
}

void read_listeners(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  if (!entry.value.IsSequence() || entry.value.size() == 0) {
    reader.problem(entry, "write a list, `- {name: app, listen: 127.0.0.1:6432, upstream: …}`");
    return;
  }
  for (std::size_t i = 0; i < entry.value.size(); ++i) {
    const std::string path = entry.path + '[' + std::to_string(i) + ']';
    DraftListener listener{.path = path + '.', .place = reader.mark(entry.value[i])};
    auto keys = listener_keys(reader, draft, listener);
    keys.push_back({"name", [&](const YamlEntry& one) {
                      listener.given[one.key] = reader.mark(one.value);
                      std::string name;
                      if (reader.value(one, name, parse_name)) listener.name = std::move(name);
                    }});
    reader.mapping(entry.value[i], {path, std::move(keys)});
    draft.listeners.push_back(std::move(listener));
  }
}

void check_listeners(const ConfigDraft& draft, Problems& problems) {
  Checker checker(draft, problems);
  for (const DraftListener& listener : draft.listeners) checker.check(listener);
  checker.check_names();
  if (!draft.listeners.empty()) checker.check_shadow();
}

ListenerConfig finished(const DraftListener& draft) {
  const auto given = draft.given.find("upstream");
  return {.name = draft.name.value_or("default"),
          .listen = *draft.listen,
          .tls = draft.tls,
          .auth = draft.auth,
          .upstream = host_port(*draft.upstream),
          .upstream_url = url_without_password(*draft.upstream),
          .upstream_tls = tls_options(*draft.upstream),
          .upstream_mark = given == draft.given.end() ? draft.place : given->second};
}

}  // namespace parallax::proxy
