#include "shadow/judge.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "proxy/io/loop.h"
#include "shadow/compare/unnest.h"
#include "shadow/replay/verified_columns.h"
#include "shadow/rules/rewrite_select.h"

namespace parallax::shadow {

namespace {

// Of the operations that could be settled live, one in so many goes through the snapshot all the
// same: it gives both latencies side by side and keeps watching how the client's results and the
// snapshot's agree.
constexpr std::uint32_t kSnapshotEvery = 8;

double seconds_since(std::uint64_t began_ns) {
  return static_cast<double>(io::Loop::now_ns() - began_ns) / 1e9;
}

TextStyle style_of(const ReplayContextRef& context) {
  return context == nullptr ? TextStyle{} : context->style;
}

Outcome skipped(SkipReason reason, std::string detail) {
  Outcome outcome;
  outcome.end = reason;
  outcome.detail = std::move(detail);
  return outcome;
}

// It was compared where the session's own temporary tables may stand in the place of those that
// were verified; for all others nothing has changed.
bool saw_temporary_objects(const CapturedOperation& operation) {
  const auto& strict = operation.strict;
  return strict && strict->in_transaction && strict->temporary_objects;
}

Judge::Judgement over_temporary_objects() {
  return {skipped(SkipReason::temp_objects, "a temporary table has other columns"), ""};
}

}  // namespace

std::string Judge::verified(const Rule& rule, Verification verification) {
  auto& known = facts_[rule.index].verification;
  const bool is_new = known.pairing.crossing != verification.pairing.crossing;
  known = std::move(verification);
  return is_new ? known.pairing.crossing : std::string();
}

ComparisonBasis Judge::basis(const CapturedOperation& operation) const {
  const auto& verification = facts_of(*operation.rule).verification;
  ComparisonBasis basis{*operation.rule, verification.pairing, verification.catalog,
                        style_of(operation.context)};
  basis.values = &operation.values;
  return basis;
}

ReplayRequest Judge::request(CapturedOperation& operation) {
  auto& facts = facts_[operation.rule->index];
  const auto& verification = facts.verification;
  ReplayRequest request;
  request.snapshot.context = operation.context;
  const Rule& rule = *operation.rule;
  const Side side = operation.live.side;
  request.snapshot.side = side;
  request.snapshot.legacy = side_request(operation, Side::legacy);
  request.snapshot.rewrite = side_request(operation, Side::rewrite);
  if (side == Side::rewrite) {
    request.snapshot.rewrite.root = std::move(operation.statement);
    auto& sql = request.snapshot.rewrite.root.sql;
    sql = with_select(rule.source, std::move(sql));
    request.snapshot.legacy.root = rule.bind(Side::legacy, 0, operation.values);
  } else {
    request.snapshot.legacy.root = std::move(operation.statement);
    if (rule.lets.empty()) {
      // One that cannot be prepared is shown as the error that it is.
      request.snapshot.rewrite.root =
          rule.bind(Side::rewrite, verification.unprepared, operation.values);
    } else {
      request.snapshot.let = {&rule, operation.values};
    }
  }
  request.snapshot.digest_basis = [this, rule = operation.rule,
                                   style = style_of(operation.context)] {
    const auto& now = facts_of(*rule).verification;
    return std::make_shared<const DigestBasis>(DigestBasis{
        now.pairing, now.legacy_columns, now.rewrite_columns, now.catalog.types, style});
  };
  request.snapshot.live_sqlstate = operation.live.sqlstate;
  request.snapshot.rewrite_first = std::exchange(facts.rewrite_first, !facts.rewrite_first);
  auto& live = operation.live;
  const auto& json = verification.projection;
  // What the client got of a rewrite is not what a SELECT over it gives.
  if (side == Side::rewrite && !rule.source.compare.select.text.empty()) live.forget_rows();
  if (const auto& own = side == Side::legacy ? json.legacy : json.rewrite) {
    unnest_live(rule, *own, live);
  } else if (live.result != nullptr) {
    live.describe(verification.columns(side));
  }
  if (live.result == nullptr) return request;
  const auto& columns = live.result->columns();
  const auto& shadow = verification.columns(other(side));
  const bool may_settle = side == Side::legacy
                              ? may_settle_live(verification.pairing, columns, shadow)
                              : may_settle_live(verification.pairing, shadow, columns);
  // Where several statements would have to run, the snapshot does it.
  request.live = !rule.has_children(other(side)) && verification.rewrite_prepared && !json.legacy &&
                 !json.rewrite && may_settle && facts.turn++ % kSnapshotEvery != 0;
  request.binary_live = !columns.empty() && std::ranges::all_of(columns, &ColumnInfo::binary);
  return request;
}

SideRequest Judge::side_request(const CapturedOperation& operation, Side side) const {
  const Rule& rule = *operation.rule;
  SideRequest request;
  request.bind = [&rule, side](std::size_t statement, const NamedValues& values) {
    return rule.bind(side, statement, values);
  };
  const auto& json = facts_of(rule).verification.projection;
  if (const auto& unnesting = side == Side::legacy ? json.legacy : json.rewrite) {
    request.unnest = [this, &rule, unnesting](const ResultSet& result) {
      return unnest(result, *unnesting, facts_of(rule).verification.catalog.types, capture_bytes_);
    };
  }
  const auto& stitching = facts_of(rule).verification.stitching(side);
  if (stitching == nullptr) return request;
  request.statements = &rule.of(side);
  request.values = operation.values;
  request.stitching = stitching;
  request.stitch = [this, &rule, stitching,
                    style = style_of(operation.context)](std::span<const ResultSet* const> parts) {
    const auto& types = facts_of(rule).verification.catalog.types;
    return stitch(*stitching, types, style, parts, capture_bytes_);
  };
  return request;
}

// What the client got, its JSON read as that of the snapshot; nothing where that is too much.
void Judge::unnest_live(const Rule& rule, const Unnesting& unnesting, LiveResult& live) const {
  auto result = live.result;
  live.forget_rows();
  if (result == nullptr) return;
  live.result = std::move(result);
  live.describe(unnesting.described);
  auto rows =
      unnest(*live.result, unnesting, facts_of(rule).verification.catalog.types, capture_bytes_);
  live.result = rows ? std::make_shared<ResultSet>(*std::move(rows)) : nullptr;
}

// What the client got of the statements, as one result: nothing where a part is not known.
void Judge::stitch_live(CapturedOperation& operation, std::vector<LiveResult>&& parts) const {
  const auto& verification = facts_of(*operation.rule).verification;
  std::vector<const ResultSet*> results;
  for (LiveResult& part : parts) {
    if (part.result == nullptr) return;
    results.push_back(part.result.get());
  }
  auto whole = stitch(*verification.stitching(operation.live.side), verification.catalog.types,
                      style_of(operation.context), results, capture_bytes_);
  if (whole) operation.live.result = std::make_shared<ResultSet>(*std::move(whole));
}

std::optional<Outcome> Judge::settle_live(const CapturedOperation& operation,
                                          const StepResult& shadow) {
  const auto& verification = facts_of(*operation.rule).verification;
  const auto& verified = verification.columns(other(operation.live.side));
  if (column_origin(verified, shadow) != ColumnOrigin::verified) return std::nullopt;
  const auto began = io::Loop::now_ns();
  auto outcome = decide_live(basis(operation), operation.live, shadow);
  counter_.compared(seconds_since(began));
  return outcome;
}

// The statements led to other columns than those that were paired.
std::optional<Judge::Judgement> Judge::other_columns(const CapturedOperation& operation,
                                                     const SnapshotResult& snapshot) {
  auto& facts = facts_[operation.rule->index];
  const auto& verification = facts.verification;
  if (!verification.rewrite_prepared) {
    if (!snapshot.rewrite.ran || !snapshot.rewrite.sqlstate.empty()) return std::nullopt;
    if (saw_temporary_objects(operation)) return over_temporary_objects();
    // It could not be prepared at verification, so no columns are paired. Where it cannot be still,
    // its parameters' types come from the client alone.
    if (std::exchange(facts.asked_again, true))
      return Judgement{skipped(SkipReason::unverified,
                               "the rewrite works with the client's "
                               "parameter types only: write casts, :x::type"),
                       ""};
    return Judgement{skipped(SkipReason::unverified, ""), "the rewrite works now"};
  }
  facts.asked_again = false;
  const auto origin = column_origin(verification, snapshot);
  if (origin == ColumnOrigin::verified) return std::nullopt;
  if (saw_temporary_objects(operation))
    return origin == ColumnOrigin::other ? std::optional(over_temporary_objects()) : std::nullopt;
  if (operation.context == nullptr || operation.context->settings.empty())
    return Judgement{skipped(SkipReason::unverified, ""), "the tables have changed"};
  // The session's settings (a search_path) lead to other tables than verification saw.
  if (origin != ColumnOrigin::other) return std::nullopt;
  return Judgement{skipped(SkipReason::context, "the session's settings lead to other tables"), ""};
}

Judge::Judgement Judge::judge(const CapturedOperation& operation, const SnapshotResult& snapshot) {
  if (auto other = other_columns(operation, snapshot)) return std::move(*other);
  counter_.replayed(*operation.rule, snapshot);
  const auto began = io::Loop::now_ns();
  Judgement judgement{decide(basis(operation), snapshot, operation.live), ""};
  counter_.compared(seconds_since(began));
  if (judgement.outcome.end != decltype(Outcome::end)(SkipReason::broken)) return judgement;
  if (saw_temporary_objects(operation)) return over_temporary_objects();
  judgement.verify_again = "the columns of the legacy statement have changed";
  return judgement;
}

std::optional<DriftWatch::Change> Judge::watch_drift(const Outcome& outcome, RuleState state) {
  if (!outcome.live_compared) return std::nullopt;
  return facts_[outcome.rule->index].drift.saw(outcome.live_differs, state);
}

}  // namespace parallax::shadow
