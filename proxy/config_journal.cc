#include "proxy/config_journal.h"

#include <string>
#include <string_view>
#include <utility>

#include "proxy/expand.h"
#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

constexpr std::size_t kFileBytesMin = std::size_t{64} * 1024;
constexpr std::size_t kFileBytesMax = std::size_t{64} * 1024 * 1024 * 1024;

Parsed<std::string> parse_path(std::string_view text) {
  if (text.empty()) return ValueError{"write the journal's file, such as `parallax.jsonl`"};
  return std::string(text);
}

Parsed<bool> parse_values(std::string_view text) {
  if (text == "hashed" || text == "full") return text == "full";
  return ValueError{"write `hashed` or `full`, not " + quoted_value(text)};
}

// The message never holds the key.
Parsed<std::string> parse_key(std::string_view text) {
  if (text.size() >= shadow::kJournalKeyBytesMin) return std::string(text);
  return ValueError{"the key has " + std::to_string(text.size()) + " bytes; it needs " +
                    std::to_string(shadow::kJournalKeyBytesMin) +
                    " or more, such as `openssl rand -hex 32` gives"};
}

}  // namespace

void read_journal(YamlReader& reader, const YamlEntry& entry, ConfigDraft& draft) {
  shadow::JournalOptions options;
  const auto value = [&reader](auto& target, auto parse) {
    return [&reader, &target, parse](const YamlEntry& one) { reader.value(one, target, parse); };
  };
  const auto path = [&](const YamlEntry& one) {
    if (reader.value(one, options.path, parse_path)) {
      options.path = path_from(reader.directory(), options.path);
    }
    draft.given[one.path] = reader.mark(one.value);
  };
  const auto size = [](std::string_view text) {
    return parse_size(text, kFileBytesMin, kFileBytesMax);
  };
  const auto count = [](std::size_t most) {
    return [most](std::string_view text) { return parse_count(text, 1, most); };
  };
  reader.mapping(entry.value, {entry.path,
                               {{"path", path},
                                {"values", value(options.full_values, parse_values)},
                                {"key", value(options.key, parse_key)},
                                {"max_bytes", value(options.max_bytes, size)},
                                {"max_files", value(options.max_files, count(1000))},
                                {"rate", value(options.rate, count(100'000))}}});
  const auto given = draft.given.find(entry.path + ".path");
  if (given == draft.given.end()) {
    reader.problem(entry, "needs `path`, the file that the journal is written to");
    return;
  }
  if (options.key.empty()) {
    draft.config.warnings.push_back(
        {reader.mark(entry.value),
         "`journal` has no `key`: each start makes one of its own, so that hashes and counts of "
         "distinct parameters of two runs or instances cannot be put together"});
  }
  draft.config.shadow.keep_values = true;
  draft.config.shadow.generic_plans = true;
  draft.config.journal = JournalConfig{std::move(options), given->second};
}

}  // namespace parallax::proxy
