#include "proxy/config_compare.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

#include "proxy/config_json.h"
#include "proxy/text.h"
#include "proxy/value_parsers.h"

namespace parallax::proxy {
namespace {

using namespace std::chrono_literals;
using shadow::EqualStep;
using shadow::Expectation;
using shadow::MismatchKind;
using shadow::OrderMode;
using shadow::SourceText;

constexpr std::chrono::milliseconds kClockMax = 24h;

// The steps that a rule may refuse. Not among them: `exact` and `digest`, which change nothing, and
// the two that compare: itself asks for.
constexpr std::array kRefusable = {
    EqualStep::order,         EqualStep::order_unproven, EqualStep::numeric_scale,
    EqualStep::type_width,    EqualStep::text_type,      EqualStep::enum_text,
    EqualStep::negative_zero, EqualStep::time_zone,      EqualStep::padding,
    EqualStep::json_text,     EqualStep::json_order,     EqualStep::format,
    EqualStep::bytes};

template <typename Set>
std::vector<std::string_view> names_of(const Set& set) {
  std::vector<std::string_view> names;
  names.reserve(set.size());
  for (const auto member : set) names.push_back(shadow::name(member));
  return names;
}

template <typename Set>
auto member_called(const Set& set, std::string_view word)
    -> std::optional<typename Set::value_type> {
  const auto found =
      std::find_if(set.begin(), set.end(), [&](auto one) { return shadow::name(one) == word; });
  if (found == set.end()) return std::nullopt;
  return *found;
}

// "`numeric_scal`: did you mean `numeric_scale`?"
std::string no_member(const std::string& word, const std::vector<std::string_view>& known) {
  const std::string what = '`' + escaped(word) + "`: ";
  const std::string_view near = nearest(word, known);
  if (!near.empty()) return what + "did you mean `" + std::string(near) + "`?";
  std::string all;
  for (const std::string_view one : known) {
    if (!all.empty()) all += ", ";
    all += one;
  }
  return what + "write one of " + all;
}

Parsed<bool> parse_when(std::string_view text) {
  if (text == "snapshot" || text == "live") return text == "snapshot";
  return ValueError{"write `live` or `snapshot`, not " + quoted_value(text)};
}

Parsed<OrderMode> parse_order(std::string_view text) {
  if (text == "auto") return OrderMode::automatic;
  if (text == "strict") return OrderMode::strict;
  if (text == "ignore") return OrderMode::ignore;
  return ValueError{"write `auto`, `strict` or `ignore`, not " + quoted_value(text)};
}

Parsed<double> parse_tolerance(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number > 0 && number < 1) {
    return number;
  }
  return ValueError{
      "write how far apart floats may be, as a share of their value: a number above "
      "0 and below 1, such as `1e-9`, not " +
      quoted_value(text)};
}

Parsed<std::chrono::year_month_day> parse_date(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const char* const begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + length, value);
    return error == std::errc() && end == begin + length ? value : -1;
  };
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    const int month = number(5, 2);
    const int day = number(8, 2);
    const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (number(0, 4) >= 0 && month > 0 && day > 0 && date.ok()) return date;
  }
  return ValueError{"write the last day of the expectation, `YYYY-MM-DD`, not " +
                    quoted_value(text)};
}

Parsed<OrderMode> parse_statement_order(std::string_view text) {
  if (text == "auto") return OrderMode::automatic;
  if (text == "ignore") return OrderMode::ignore;
  return ValueError{"write `auto` or `ignore` for one statement, not " + quoted_value(text)};
}

void read_order(YamlReader& reader, const YamlEntry& entry, shadow::CompareOptions& options) {
  if (entry.value.IsMap()) {
    return reader.each(entry.value, entry.path, [&](const YamlEntry& statement) {
      auto order = OrderMode::automatic;
      if (reader.value(statement, order, parse_statement_order) && order == OrderMode::ignore)
        options.unordered_statements.emplace(statement.key, statement.key_mark);
    });
  }
  reader.value(entry, options.order, parse_order);
}

void read_clock(YamlReader& reader, const YamlEntry& entry, shadow::CompareOptions& options) {
  reader.each(entry.value, entry.path, [&](const YamlEntry& label) {
    std::chrono::milliseconds apart{};
    const auto parse = [](std::string_view text) { return parse_duration(text, 1ms, kClockMax); };
    if (reader.value(label, apart, parse)) options.clock[label.key] = apart;
  });
}

void read_treat(YamlReader& reader, const YamlEntry& entry, shadow::CompareOptions& options) {
  reader.each(entry.value, entry.path, [&](const YamlEntry& step) {
    const auto given = reader.text(step);
    if (!given) return;
    if (*given != "mismatch") {
      return reader.problem(step, "write `mismatch`, not " + quoted_value(*given));
    }
    if (const auto known = member_called(kRefusable, step.key)) {
      options.treat_as_mismatch.insert(*known);
    } else if (member_called(shadow::kEqualSteps, step.key)) {
      reader.problem(step.key_mark, '`' + step.key + "`: this step cannot be a mismatch");
    } else {
      reader.problem(step.key_mark, no_member(step.key, names_of(kRefusable)));
    }
  });
}

void read_select(YamlReader& reader, const YamlEntry& entry, shadow::CompareOptions& options) {
  auto sql = reader.sql(entry);
  if (!sql) return;
  if (is_blank(sql->text)) return reader.problem(entry, "the SQL is empty");
  options.select = std::move(*sql);
}

void read_kinds(YamlReader& reader, const YamlEntry& entry, Expectation& expectation) {
  const auto words = reader.list(entry);
  if (entry.value.IsSequence() && entry.value.size() == 0) {
    reader.problem(entry, "write the kinds of mismatch that are wanted, `[missing_row]`");
  }
  for (const SourceText& word : words) {
    const auto kind = member_called(shadow::kMismatchKinds, word.text);
    if (!kind) {
      reader.problem(word.mark, no_member(word.text, names_of(shadow::kMismatchKinds)));
    } else if (!expectation.kinds.insert(*kind).second) {
      reader.problem(word.mark, '`' + word.text + "` stands here twice");
    }
  }
}

std::string date_text(std::chrono::year_month_day date) {
  const auto padded = [](unsigned number) {
    return (number < 10 ? "-0" : "-") + std::to_string(number);
  };
  std::string year = std::to_string(static_cast<int>(date.year()));
  year.insert(0, 4 - std::min<std::size_t>(4, year.size()), '0');
  return year + padded(static_cast<unsigned>(date.month())) +
         padded(static_cast<unsigned>(date.day()));
}

// One member of `expect:`.
void read_expectation(YamlReader& reader, const YAML::Node& node, const std::string& path,
                      shadow::RuleSource& rule, Problems& warnings) {
  Expectation expectation;
  expectation.mark = reader.mark(node);
  bool has_kinds = false;
  bool has_until = false;
  bool has_why = false;
  bool until_is_right = false;
  const auto kinds = [&](const YamlEntry& at) {
    has_kinds = true;
    read_kinds(reader, at, expectation);
  };
  const auto until = [&](const YamlEntry& at) {
    has_until = true;
    until_is_right = reader.value(at, expectation.until, parse_date);
  };
  const auto why = [&](const YamlEntry& at) {
    has_why = true;
    auto reason = reader.text(at);
    if (!reason) return;
    if (is_blank(*reason)) return reader.problem(at, "write why this difference is wanted");
    expectation.reason = std::move(*reason);
  };
  reader.mapping(node, {path, {{"kinds", kinds}, {"until", until}, {"why", why}}});
  if (!node.IsMap()) return;
  const auto missing = [&](const char* key, const char* what) {
    reader.problem(expectation.mark, '`' + path + "` has no `" + key + "`: write " + what);
  };
  if (!has_kinds) missing("kinds", "the kinds of mismatch that are wanted");
  if (!has_until) missing("until", "the last day of the expectation, `YYYY-MM-DD`");
  if (!has_why) missing("why", "why this difference is wanted");
  if (until_is_right && !expectation.in_force(shadow::today_utc())) {
    warnings.push_back({expectation.mark, '`' + path + "`: the expectation has ended on " +
                                              date_text(expectation.until) +
                                              " and does not apply any more"});
  }
  rule.expect.push_back(std::move(expectation));
}

// As a name in SQL, `:name`.
bool is_variable_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text != "_" && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

void read_compare(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule) {
  shadow::CompareOptions& options = rule.compare;
  const auto when = [&](const YamlEntry& at) {
    reader.value(at, options.snapshot_only, parse_when);
  };
  const auto tolerance = [&](const YamlEntry& at) {
    reader.value(at, options.float_tolerance, parse_tolerance);
  };
  reader.mapping(entry.value,
                 {entry.path,
                  {{"when", when},
                   {"order", [&](const YamlEntry& at) { read_order(reader, at, options); }},
                   {"float_tolerance", tolerance},
                   {"clock", [&](const YamlEntry& at) { read_clock(reader, at, options); }},
                   {"treat", [&](const YamlEntry& at) { read_treat(reader, at, options); }},
                   {"json", [&](const YamlEntry& at) { read_json(reader, at, options); }},
                   {"select", [&](const YamlEntry& at) { read_select(reader, at, options); }}}});
}

void read_expect(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule,
                 Problems& warnings) {
  if (!entry.value.IsSequence() || entry.value.size() == 0) {
    return reader.problem(entry,
                          "write a list, `- {kinds: [missing_row], until: 2027-01-31, why: '…'}`");
  }
  for (std::size_t i = 0; i < entry.value.size(); ++i) {
    const std::string path = entry.path + '[' + std::to_string(i) + ']';
    read_expectation(reader, entry.value[i], path, rule, warnings);
  }
}

void read_let(YamlReader& reader, const YamlEntry& entry, shadow::RuleSource& rule) {
  reader.each(entry.value, entry.path, [&](const YamlEntry& name) {
    if (!is_variable_name(name.key)) {
      return reader.problem(name.key_mark, '`' + escaped(name.key) +
                                               "`: write a name of letters, digits and `_` that "
                                               "begins with no digit and is not `_`");
    }
    auto sql = reader.sql(name);
    if (!sql) return;
    if (is_blank(sql->text)) return reader.problem(name, "the SQL is empty");
    rule.let[name.key] = std::move(*sql);
  });
}

}  // namespace parallax::proxy
