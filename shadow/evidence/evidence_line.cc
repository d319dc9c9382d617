#include "shadow/evidence/evidence_line.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "shadow/evidence/journal_reader.h"
#include "shadow/journal/journal_lines.h"
#include "shadow/rules/concat.h"

namespace parallax::shadow {

namespace {

using Json = nlohmann::json;

// Plans nest most. Deeper ones would take the stack of what writes them again.
constexpr int kDepthMost = 1000;

std::string text_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t count_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

NamedCounts counts_at(const Json& json, const char* name) {
  NamedCounts counts;
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object()) return counts;
  for (const auto& [key, value] : found->items()) {
    if (value.is_number_unsigned()) counts[key] = value.get<std::uint64_t>();
  }
  return counts;
}

// Calls `add` with each bound and its count; the last bound is infinite.
template <typename Add>
void each_bucket(const Json& json, const Add& add) {
  const auto& bounds = json.at("le");
  const auto& counts = json.at("counts");
  if (counts.size() != bounds.size() + 1) throw std::runtime_error("buckets without their bounds");
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double bound =
        i < bounds.size() ? bounds[i].get<double>() : std::numeric_limits<double>::infinity();
    add(bound, counts[i].get<std::uint64_t>());
  }
}

LatencyEvidence latency_at(const Json& json, const char* name) {
  LatencyEvidence latency;
  const auto found = json.find(name);
  if (found == json.end()) return latency;
  each_bucket(*found, [&](double bound, std::uint64_t count) {
    (std::isinf(bound) ? latency.above : latency.counts[bound]) += count;
  });
  latency.seconds = found->at("seconds").get<double>();
  return latency;
}

NameEvidence name_of(const Json& json) {
  NameEvidence name;
  name.nulls = count_at(json, "nulls");
  const auto lengths = json.find("lengths");
  if (lengths == json.end()) return name;
  each_bucket(*lengths, [&](double bound, std::uint64_t count) {
    (bound > 1 ? name.many : bound < 1 ? name.none : name.one) += count;
  });
  return name;
}

void read_summary(const Json& json, EvidenceLine& line) {
  auto& content = line.content;
  content.operations = count_at(json, "operations");
  content.vacuous = count_at(json, "vacuous");
  content.suppressed = count_at(json, "suppressed");
  content.told_by[line.instance].summaries = counts_at(json, "verdicts");
  content.kinds = counts_at(json, "kinds");
  content.skipped = counts_at(json, "skipped");
  content.dropped = counts_at(json, "dropped");
  content.equalized = counts_at(json, "equalized");
  content.live = latency_at(json, "live");
  content.live_rewrite = latency_at(json, "live_rewrite");
  content.legacy = latency_at(json, "legacy");
  content.rewrite = latency_at(json, "rewrite");
  for (const auto& [name, seen] : json.at("names").items()) content.names[name] = name_of(seen);
  if (const auto state = text_at(json, "state"); !state.empty())
    content.states[line.instance] = {line.time, state, line.time};
  const auto sketch = HyperLogLog::read(text_at(json.at("distinct"), "sketch"));
  if (!sketch) throw std::runtime_error("`distinct.sketch` is no sketch");
  content.distinct.emplace(text_at(json, "key"), *sketch);
  line.identity = concat({"summary ", line.instance, " ", line.rule, " ", line.version, " ",
                          text_at(json, "from"), " ", text_at(json, "time")});
  if (const auto from = read_journal_time(text_at(json, "from"))) content.seen(*from);
}

EvidenceExample::Row row_of(const Json& json) {
  EvidenceExample::Row row;
  for (const auto& cell : json) {
    if (cell.is_null()) {
      row.emplace_back(std::nullopt);
    } else {
      row.emplace_back(cell.is_string() ? cell.get<std::string>() : cell.dump());
    }
  }
  return row;
}

std::optional<EvidenceExample::Row> row_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_array()) return std::nullopt;
  return row_of(*found);
}

EvidenceExample example_of(const Json& json, EvidenceTime time) {
  EvidenceExample example;
  example.id = text_at(json, "id");
  example.time = time;
  example.verdict = text_at(json, "verdict");
  example.kind = text_at(json, "kind");
  example.detail = text_at(json, "detail");
  example.legacy_sqlstate = text_at(json, "legacy_sqlstate");
  example.rewrite_sqlstate = text_at(json, "rewrite_sqlstate");
  example.legacy_rows = count_at(json, "legacy_rows");
  example.rewrite_rows = count_at(json, "rewrite_rows");
  example.full_values = text_at(json, "values") == "full";
  if (const auto found = json.find("parameters"); found != json.end() && found->is_object()) {
    for (const auto& [name, value] : found->items())
      example.parameters.emplace_back(name,
                                      value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  if (const auto columns = json.find("columns"); columns != json.end()) {
    for (const auto& column : row_of(*columns)) example.columns.push_back(column.value_or(""));
  }
  const auto found = json.find("differences");
  if (found == json.end()) return example;
  for (const auto& one : *found)
    example.differences.push_back(
        {text_at(one, "kind"), row_at(one, "legacy"), row_at(one, "rewrite")});
  return example;
}

void read_verdict(const Json& json, EvidenceLine& line) {
  auto example = example_of(json, line.time);
  if (example.id.empty() || example.verdict.empty())
    throw std::runtime_error("a verdict without `id` or `verdict`");
  line.id = example.id;
  line.identity = concat({"verdict ", example.id});
  // Of the instance that its id begins with.
  ++line.content.told_by[example.id.substr(0, example.id.rfind('-'))].lines[example.verdict];
  if (example.verdict == "mismatch" || example.verdict == "rewrite_error")
    line.content.examples.push_back(std::move(example));
}

void read_sample(const Json& json, EvidenceLine& line) {
  line.id = text_at(json, "id");
  if (line.id.empty()) throw std::runtime_error("a sample without `id`");
  line.identity = concat({"sample ", line.id});
  line.vacuous = json.value("vacuous", false);
  std::string values;
  for (const char* name : {"parameters", "user", "settings"}) {
    const auto found = json.find(name);
    if (found != json.end()) values += found->dump(-1, ' ', false, Json::error_handler_t::replace);
    values += '\n';
  }
  line.values = std::hash<std::string>{}(values);
}

void read_content(const Json& json, EvidenceLine& line) {
  const std::string type = text_at(json, "type");
  line.instance = text_at(json, "instance");
  if (type == "verdict") {
    line.kind = EvidenceLine::Kind::verdict;
    read_verdict(json, line);
  } else if (type == "summary") {
    line.kind = EvidenceLine::Kind::summary;
    read_summary(json, line);
  } else if (type == "state") {
    line.kind = EvidenceLine::Kind::state;
    line.content.states[line.instance] = {line.time, text_at(json, "state"), line.time};
    line.identity = concat({"state ", line.instance, " ", line.rule, " ", line.version, " ",
                            text_at(json, "state"), " ", text_at(json, "time")});
  } else if (type == "sample") {
    line.kind = EvidenceLine::Kind::sample;
    read_sample(json, line);
  } else if (type == "plans") {
    line.identity = concat({"plans ", line.rule, " ", text_at(json, "time")});
  } else {
    throw std::runtime_error(
        concat({"no line type of this version: ", json.value("type", "none")}));
  }
}

void merge_counts(NamedCounts& counts, const NamedCounts& more) {
  for (const auto& [name, count] : more) counts[name] += count;
}

}  // namespace

std::optional<EvidenceTime> read_journal_time(std::string_view text) {
  std::array<char, 32> buffer{};
  if (text.size() >= buffer.size()) return std::nullopt;
  std::ranges::copy(text, buffer.begin());
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  int used = 0;
  const int fields = std::sscanf(buffer.data(), "%4d-%2u-%2u%nT%2d:%2d:%9lfZ%n", &year, &month,
                                 &day, &used, &hour, &minute, &second, &used);
  const auto size = static_cast<std::size_t>(used);
  if ((fields != 3 && fields != 6) || size != text.size()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second >= 61)
    return std::nullopt;
  const auto milliseconds = std::llround(second * 1000);
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::milliseconds(milliseconds);
}

std::variant<EvidenceLine, std::string> read_evidence_line(const std::string& text) {
  bool deep = false;
  const auto shallow = [&deep](int depth, Json::parse_event_t, const Json&) {
    deep = deep || depth > kDepthMost;
    return !deep;
  };
  const auto json = Json::parse(text, shallow, false);
  if (deep) return "nested deeper than any line of a journal";
  if (!json.is_object()) return "no JSON object";
  try {
    if (!json.contains("v") || !json.contains("type")) return "no line of a journal";
    if (json["v"] != kJournalVersion)
      return concat({"journal version ", json["v"].dump(), "; this program reads 1"});
    EvidenceLine line;
    line.rule = text_at(json, "rule");
    line.version = text_at(json, "version");
    const auto time = read_journal_time(text_at(json, "time"));
    if (line.rule.empty() || line.version.empty() || !time)
      return "a line without `rule`, `version` or `time`";
    line.time = *time;
    read_content(json, line);
    // Nothing ran at the time of a state or of plans.
    if (line.kind == EvidenceLine::Kind::verdict || line.kind == EvidenceLine::Kind::summary)
      line.content.seen(line.time);
    line.content.told = line.time;
    return line;
  } catch (const std::exception& error) {
    return concat({"not understood: ", error.what()});
  }
}

void add_line(VersionEvidence& version, EvidenceLine line, std::size_t examples) {
  auto& more = line.content;
  version.first = std::min(version.first, more.first);
  version.last = std::max(version.last, more.last);
  version.told = std::max(version.told, more.told);
  version.operations += more.operations;
  version.vacuous += more.vacuous;
  version.suppressed += more.suppressed;
  for (const auto& [instance, told] : more.told_by) {
    merge_counts(version.told_by[instance].summaries, told.summaries);
    merge_counts(version.told_by[instance].lines, told.lines);
  }
  merge_counts(version.kinds, more.kinds);
  merge_counts(version.skipped, more.skipped);
  merge_counts(version.dropped, more.dropped);
  merge_counts(version.equalized, more.equalized);
  version.live.merge(more.live);
  version.live_rewrite.merge(more.live_rewrite);
  version.legacy.merge(more.legacy);
  version.rewrite.merge(more.rewrite);
  for (const auto& [name, seen] : more.names) version.names[name].merge(seen);
  for (const auto& [key, sketch] : more.distinct) version.distinct[key].merge(sketch);
  for (const auto& [instance, state] : more.states) {
    auto& known = version.states.try_emplace(instance, state).first->second;
    if (state.state == known.state) {
      known.time = std::min(known.time, state.time);
      known.told = std::max(known.told, state.told);
    } else if (state.told >= known.told) {
      known = state;
    }
  }
  if (!line.instance.empty()) version.instances.insert(line.instance);
  auto& kept = version.examples;
  for (auto& example : more.examples) {
    const auto place = std::ranges::find_if(
        kept, [&](const EvidenceExample& other) { return other.time < example.time; });
    kept.insert(place, std::move(example));
  }
  if (kept.size() > examples) kept.resize(examples);
}

}  // namespace parallax::shadow
