#include "shadow/rules/rule_version.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

#include "shadow/rules/digest.h"

namespace parallax::shadow {

namespace {

constexpr std::size_t kVersionDigits = 12;

// Lengths keep neighbours apart.
class Inventory {
 public:
  void add(std::string_view text) {
    all_.append(std::to_string(text.size())).append(":").append(text);
  }
  void add(const std::map<std::string, SourceText>& texts) {
    for (const auto& [name, text] : texts) {
      add(name);
      add(text.text);
    }
  }
  void add(const CompareOptions& options) {
    add(options.snapshot_only ? "snapshot" : "live");
    add(std::to_string(static_cast<int>(options.order)));
    for (const auto& [statement, mark] : options.unordered_statements) add(statement);
    std::array<char, 32> number{};  // the shortest text that reads back as the same double
    const auto written =
        std::to_chars(number.data(), number.data() + number.size(), options.float_tolerance);
    add(std::string_view(number.data(), static_cast<std::size_t>(written.ptr - number.data())));
    add("clock");
    for (const auto& [label, apart] : options.clock) {
      add(label);
      add(std::to_string(apart.count()));
    }
    add("treat");
    for (const EqualStep step : options.treat_as_mismatch) add(name(step));
    if (!options.json.empty()) add("json");
    for (const JsonMember& member : options.json) add(member);
    if (options.select.text.empty()) return;
    add("select");
    add(options.select.text);
  }
  void add(const JsonMember& member) {
    add(member.key);
    add(member.name);
    add(!member.child ? "value" : member.each ? "each" : "one");
    add(std::to_string(member.members.size()));
    for (const JsonMember& one : member.members) add(one);
  }
  void add(const Expectation& expectation) {
    add("expect");
    for (const MismatchKind kind : expectation.kinds) add(name(kind));
    const auto days = std::chrono::sys_days(expectation.until).time_since_epoch();
    add(std::to_string(days.count()));
  }
  std::string digest() const { return sha256_prefix(all_, kVersionDigits); }

 private:
  std::string all_;
};

}  // namespace

std::string rule_version(const RuleSource& source) {
  Inventory inventory;
  for (const Side side : kSides) {
    const auto& statements = source.of(side);
    inventory.add(statements.front().sql.text);
    if (statements.size() == 1) continue;
    for (const auto& [name, sql] : statements) {
      inventory.add(name);
      inventory.add(sql.text);
    }
  }
  inventory.add("ignore");
  for (const auto& [label, reason] : source.ignore) inventory.add(label);
  inventory.add("columns");
  inventory.add(source.columns);
  inventory.add("let");
  inventory.add(source.let);
  inventory.add(source.compare);
  for (const Expectation& expectation : source.expect) inventory.add(expectation);
  return inventory.digest();
}

}  // namespace parallax::shadow
