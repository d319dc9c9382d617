#include "shadow/evidence/sample_shelf.h"

#include <algorithm>
#include <utility>

namespace parallax::shadow {

namespace {

void put(std::vector<JournalSample>& shelf, JournalSample sample, std::size_t most) {
  const auto same = std::ranges::find(shelf, sample.values, &JournalSample::values);
  if (same != shelf.end()) {
    if (same->time >= sample.time) return;
    shelf.erase(same);
  }
  const auto place = std::ranges::find_if(
      shelf, [&](const JournalSample& other) { return other.time < sample.time; });
  shelf.insert(place, std::move(sample));
  if (shelf.size() > most) shelf.pop_back();
}

}  // namespace

std::size_t SampleShelf::vacuous_most() const {
  return std::min(of_each_rule_, std::max<std::size_t>(1, of_each_rule_ / 4));
}

void SampleShelf::add(const std::string& rule, JournalSample sample) {
  if (of_each_rule_ == 0) return;
  auto& shelf = rules_[rule];
  if (sample.vacuous) {
    put(shelf.vacuous, std::move(sample), vacuous_most());
  } else {
    put(shelf.with_rows, std::move(sample), of_each_rule_);
  }
}

std::vector<std::string> SampleShelf::lines(const std::string& rule) const {
  std::vector<std::string> lines;
  const auto found = rules_.find(rule);
  if (found == rules_.end()) return lines;
  const auto& [with_rows, vacuous] = found->second;
  const auto filled = std::min(with_rows.size(), of_each_rule_ - vacuous.size());
  for (std::size_t i = 0; i < filled; ++i) lines.push_back(with_rows[i].line);
  for (const auto& sample : vacuous) lines.push_back(sample.line);
  return lines;
}

}  // namespace parallax::shadow
