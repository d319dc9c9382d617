#pragma once

// What a statement says of the call that it belongs to: comments in sqlcommenter's form
// (/*operation='userRouter.getProfile',traceparent='00-…'*/), or the name it is prepared under.
// Tags narrow a choice; nothing needs them.

#include <cstddef>
#include <string>
#include <string_view>

namespace parallax::shadow {

struct StatementTags {
  std::string operation;
  std::string request;
  std::string traceparent;  // version-trace-span-flags; empty when it is not in that form
  std::size_t bytes() const { return operation.size() + request.size() + traceparent.size(); }
};

// A value longer than this is none; rules have no longer names.
inline constexpr std::size_t kTagBytesMax = 200;

// `code`: the view of `sql` that without_outer_comments() gives. Of a key that occurs twice the
// last counts: an ORM appends its own.
StatementTags read_tags(std::string_view sql, std::string_view code, std::string_view name);
// Only the operation: the tag `operation`, else Prisma's model and action (`User.findMany` of
// `prismaQuery`), else the statement's name without the hash that ORMs add (`name#ad0cadf3`).
std::string read_operation(std::string_view sql, std::string_view code, std::string_view name);

enum class Agreement { differs, unknown, same, exact };

// How the tags of a statement go with those of an operation; the greater, the better.
struct TagFit {
  Agreement trace = Agreement::unknown;  // exact: in the same span as well
  Agreement request = Agreement::unknown;
  Agreement operation = Agreement::unknown;
  // It is another call's.
  bool contradicts() const { return trace == Agreement::differs || request == Agreement::differs; }
  // clang-tidy 14 takes what stands behind a defaulted comparison for a pointer.
  auto operator<=>(const TagFit&) const = default;  // NOLINT(modernize-use-nullptr)
};
// `named`: the operation as its rule has it.
TagFit fit_of(const StatementTags& root, std::string_view named, const StatementTags& child);

}  // namespace parallax::shadow
