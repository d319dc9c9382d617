#include "shadow/journal/journal_json.h"

#include <array>
#include <ctime>

namespace parallax::shadow {

std::string journal_time(JournalTime time) {
  using std::chrono::milliseconds;
  const auto since = std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(since / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto fraction = std::to_string(1000 + since % 1000).substr(1);
  return std::string(text.data(), size) + '.' + fraction + 'Z';
}

JournalJson begin_line(const char* type, JournalTime time, const Rule& rule,
                       const KeyedHash& hash) {
  JournalJson line;
  line["v"] = kJournalVersion;
  line["type"] = type;
  line["time"] = journal_time(time);
  line["rule"] = rule.name;
  line["version"] = rule.version;
  line["key"] = hash.key_id();
  return line;
}

std::string dumped(const JournalJson& json) {
  return json.dump(-1, ' ', false, JournalJson::error_handler_t::replace);
}

}  // namespace parallax::shadow
