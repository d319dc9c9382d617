#pragma once

// Takes the shadow's load back when clients pay for it, and gives it again. Three signs: clients
// wait longer than while nothing is replayed; replays wait for their connection; the server runs
// out of connections. Pure: knows no clock, no connection; time is a count of intervals.
//
// That clients wait longer is no proof: the server may be busy with something else. Hence the
// baseline is what they wait while nothing is replayed, taken anew before anything is changed;
// where replays leave no such time, quiet() asks for some.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shadow/governor/governor_step.h"
#include "shadow/governor/latency_pair.h"
#include "shadow/governor/throttle.h"
#include "shadow/options.h"
#include "shadow/rules/rule.h"

namespace parallax::shadow {

class Governor {
 public:
  static constexpr double kLeastShare = 1.0 / 256;
  // In intervals. A baseline that is older says nothing.
  static constexpr std::uint64_t kBaselineOld = 40;
  // Fewer than LatencyPair::kLeast in so many are begun anew, ...
  static constexpr std::uint64_t kLatelyMost = 40;
  // ... and for what needs more than so many for them, nothing is kept quiet.
  static constexpr std::uint64_t kRare = 8;
  // Without a suspicion quiet is asked for only after so many intervals in which statements came.
  static constexpr std::size_t kLasting = 4;
  // Less than this, clients do not see.
  static constexpr double kLeastSeconds = 0.0005;
  // The server's connections, others than the pool's, have doubled, and the server is this full.
  static constexpr double kRiseShare = 0.6;

  // `connections`: how many the pool may have.
  Governor(std::size_t rules, std::size_t connections, const GovernorOptions& options);

  // A client waited so long for the root of an operation. `quiet`: nothing was replayed all the
  // while.
  void lived(std::size_t rule, Side side, double seconds, bool quiet);
  // A replay waited so long for its connection.
  void waited(double seconds);
  // A replay took the server so long.
  void replayed(std::size_t rule, double seconds);
  // Of the server: how many there are, how many the application may have, how many are the pool's.
  void connections(double used, double available, double own);
  // Nor is the server asked: what it said last is old, and nothing is to be taken back.
  void nothing_ran() { pressure_of(Sign::connections) = 0; }

  // Once for each interval: what has changed.
  std::vector<GovernorStep> interval();
  // No replay should begin for a while: it is to be seen what clients wait without.
  bool wants_quiet() const;
  // Since it was made quiet: of those for which it was.
  std::size_t seen_in_quiet() const { return seen_in_quiet_; }
  // How long a statement takes that is to be seen then.
  double quiet_statement_seconds() const;
  // Nothing lately counts what came while it was quiet for this alone.
  void set_quiet(bool quiet);

  // How many replays may be under way.
  std::size_t replays() const { return at_once(replays_); }
  // How many connections the pool may have.
  std::size_t pool() const { return at_once(pool_); }
  // Of the operations that the rule's `sample` would take.
  double share(std::size_t rule) const { return all_.share() * rules_[rule].share.share(); }
  // How much of its limit the sign has reached: above 1 the governor takes load back.
  double pressure(Sign sign) const { return pressures_[static_cast<std::size_t>(sign)]; }

 private:
  struct OfRule {
    std::array<LatencyPair, kSides.size()> latencies;
    Throttle share{kLeastShare};
    double replay_seconds = 0;  // lately
    bool pressed = false;
  };
  // What the latencies of an interval say, weighted by how many there were.
  struct Judged {
    double weight = 0;
    double pressed = 0;
    double log_sum = 0;  // of the ratios
    double worst = 0;    // of what is pressed
    bool mostly_pressed() const { return pressed * 2 >= weight && pressed > 0; }
    double ratio() const;
  };

  std::size_t at_once(const Throttle& throttle) const;
  void look(LatencyPair& pair, OfRule& rule, Judged& judged);
  void judge(LatencyPair& pair, OfRule& rule, Judged& judged);
  void follow_latencies();
  void lower_for_latency(const Judged& judged);
  void follow_waits();
  void follow_connections();
  void give_back();
  std::optional<std::size_t> costliest() const;
  // True: it has changed, which is noted.
  bool lower_share(std::optional<std::size_t> rule, Sign sign);
  void raise_share(std::optional<std::size_t> rule);
  bool lower_count(Throttle& throttle, GovernorStep::What what, Sign sign);
  void raise_count(Throttle& throttle, GovernorStep::What what);
  Throttle& share_of(std::optional<std::size_t> rule) { return rule ? rules_[*rule].share : all_; }
  double& pressure_of(Sign sign) { return pressures_[static_cast<std::size_t>(sign)]; }

  const GovernorOptions options_;
  const double connections_max_;
  std::vector<OfRule> rules_;
  Throttle all_{kLeastShare};
  Throttle replays_;
  Throttle pool_;
  std::array<double, kSigns.size()> pressures_{};
  std::vector<GovernorStep> steps_;            // of this interval
  std::vector<const LatencyPair*> unsettled_;  // whose baseline is missing, or too old
  std::uint64_t now_ = 0;                      // intervals
  bool made_quiet_ = false;
  std::size_t seen_in_quiet_ = 0;
  bool latencies_calm_ = true;
  bool waits_calm_ = true;
  bool connections_calm_ = true;
  double waits_ = 0;  // since the last interval
  double wait_seconds_ = 0;
  std::uint64_t waits_lowered_ = 0;  // when what was lowered for waits may have had its effect
  struct Connections {
    double used = 0;
    double available = 0;
    double own = 0;
  };
  std::optional<Connections> heard_;  // since the last interval
  std::optional<double> others_;      // connections that are not the pool's, as a rule
};

}  // namespace parallax::shadow
