#pragma once

// Puts the statements of an operation together: a child belongs to the operation whose rows its
// list was made of, on whatever connection it came. Knows no clock and no connection.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "shadow/captured.h"
#include "shadow/compare/stitch.h"
#include "shadow/verdict.h"

namespace parallax::shadow {

class Assembly {
 public:
  using End = std::variant<SkipReason, DropReason>;
  // Of the queue's budget, one for each statement.
  using Held = std::vector<std::size_t>;

  struct Listener {
    // `parts`: what the client got of each statement, described; of the operation's live result
    // the rows are not filled in.
    std::function<void(CapturedOperation&&, std::vector<LiveResult>&& parts, Held&&)> complete;
    std::function<void(const Rule&, Side, NamedValues&&, End, Held&&)> ended;
    // A child that belongs to no operation (counted), or to one that needs no rows of it (null).
    std::function<void(std::optional<OrphanReason>, std::size_t held)> unused;
    std::function<void(const Rule&, Side)> statement;  // a child has found its operation
    // Null while the rule is not verified.
    std::function<const Stitching*(const Rule&, Side)> stitching;
  };

  Assembly(std::uint64_t window_ns, Listener listener);

  // A root or what may be a child; `held` of the queue's budget.
  void take(CapturedStatement statement, std::size_t held, std::uint64_t now_ns);
  // Ends what has waited too long.
  void expire(std::uint64_t now_ns);
  void drop_all(DropReason reason);
  bool empty() const { return open_.empty() && early_.empty(); }

 private:
  // What a list must be equal to: in order, with members that are NULL or occur twice; or as a set.
  struct ListKeys {
    std::string list;
    std::string set;  // empty: no member that is not NULL
  };
  struct Part {
    bool filled = false;
    bool needed = true;  // its list has members
    LiveResult live;
    ListKeys keys;  // of its list, from its parent's rows
  };
  struct Operation {
    const Rule* rule = nullptr;
    Side side = Side::legacy;
    NamedValues values;
    OpenMark mark;
    std::uint64_t session_id = 0;
    ReplayContextRef context;
    std::set<std::uint64_t> blocks;  // see CapturedOperation
    StatementTags tags;              // of its root
    BoundStatement statement;        // its root
    std::vector<Part> parts;
    Held held;
    std::uint64_t deadline_ns = 0;
  };
  using Operations = std::list<Operation>;
  struct Early {
    CapturedStatement statement;
    std::size_t held = 0;
    std::uint64_t deadline_ns = 0;
  };
  // A child at a place of an operation.
  struct Fit {
    Operations::iterator operation;
    const ChildMatch* child = nullptr;
    TagFit tags;
  };

  void begin(CapturedStatement&& root, std::size_t held, std::uint64_t now_ns);
  // False: no operation is there for it, yet. `at_last`: it waits no longer for one that its tags
  // do not contradict.
  bool join(CapturedStatement& child, std::size_t held, bool at_last);
  // The places that are as good as each other and better than others.
  std::vector<Fit> best_fits(const CapturedStatement& child);
  // `keys`: of the lists of its places.
  std::vector<Fit> fits(const CapturedStatement& child, const std::vector<ListKeys>& keys,
                        bool as_set);
  static void keep_nearest(std::vector<Fit>& found);
  static bool fits_at(const Operation& operation, const ChildMatch& child,
                      const ReplayContextRef& context);
  static bool brings_values(const Operation& operation, const ChildMatch& child);
  void fill(Operations::iterator operation, std::size_t statement, LiveResult live);
  static ListKeys keys_of(const std::vector<std::optional<std::string>>& members);
  static ListKeys keys_of(const NamedValue& list);
  static ListKeys keys_of(const ResultSet& rows, std::size_t column);
  bool derive_lists(Operation& operation, std::size_t parent);
  void retry_early(std::uint64_t now_ns);
  bool join_early(std::uint64_t now_ns);
  bool is_complete(const Operation& operation) const;
  void complete(Operations::iterator operation);
  void end(Operations::iterator operation, End how);

  std::uint64_t window_ns_;
  Listener listener_;
  Operations open_;
  std::list<Early> early_;  // children that came before what they belong to
};

}  // namespace parallax::shadow
