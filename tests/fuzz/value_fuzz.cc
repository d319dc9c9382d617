// Two cells of any types and formats: nothing that a server sends may do harm.
//
// Type of the first, type of the second, formats and style (a bit each), length of the first cell,
// both cells.

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shadow/compare/json_leaf.h"
#include "shadow/compare/json_parts.h"
#include "shadow/compare/value_reader.h"
#include "tests/fuzz/fuzz_check.h"

namespace parallax::shadow {
namespace {

constexpr std::size_t kHeadBytes = 4;

// Of each kind one; the last ones are made of others, and of themselves.
constexpr std::array<std::uint32_t, 40> kTypes = {
    16,   17,   18,   20,   21,   23,   25,   26,    114,   650,   700,   701,  774,  790,
    829,  1042, 1082, 1083, 1114, 1184, 1186, 1266,  1562,  1700,  2249,  2950, 3802, 20000,
    1007, 1231, 3807, 1020, 3906, 4532, 3904, 20001, 20002, 20003, 20004, 20005};

TypeFacts made_of(TypeKind kind, std::uint32_t of, std::vector<std::uint32_t> fields = {}) {
  TypeFacts facts;
  facts.kind = kind;
  facts.of = of;
  facts.fields = std::move(fields);
  return facts;
}

const TypeCatalog& catalog() {
  static const TypeCatalog made = [] {
    TypeCatalog types;
    types[20000] = made_of(TypeKind::enumeration, 0);
    types[1007] = made_of(TypeKind::array, 23);
    types[1231] = made_of(TypeKind::array, 1700);
    types[3807] = made_of(TypeKind::array, 3802);
    types[1020] = made_of(TypeKind::array, 603);
    types[603].delimiter = ';';
    types[3906] = made_of(TypeKind::range, 1700);
    types[4532] = made_of(TypeKind::multirange, 3906);
    types[3904] = made_of(TypeKind::range, 23);
    types[20001] = made_of(TypeKind::composite, 0, {23, 25, 1184, 1007, 3802});
    types[20002] = made_of(TypeKind::array, 20001);
    types[20003] = made_of(TypeKind::domain, 20002);
    types[20004] = made_of(TypeKind::composite, 0, {20004, 25});
    types[20005] = made_of(TypeKind::range, 20001);
    return types;
  }();
  return made;
}

std::string canonical(const ValueReader& reader, std::string_view cell) {
  std::string out = "before";
  reader.append_canonical(cell, out);
  FUZZ_CHECK(out.starts_with("before"));
  return out;
}

void run(std::string_view input) {
  if (input.size() < kHeadBytes) return;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(input[at]); };
  const std::uint32_t legacy = kTypes[byte(0) % kTypes.size()];
  const std::uint32_t rewrite = kTypes[byte(1) % kTypes.size()];
  const unsigned flags = byte(2);
  const TextStyle style{(flags & 4U) == 0, (flags & 8U) == 0, (flags & 16U) == 0};
  const std::string_view cells = input.substr(kHeadBytes);
  const std::string_view cell = cells.substr(0, byte(3));
  const std::string_view other_cell = cells.substr(cell.size());
  ValueReader first(catalog(), legacy, (flags & 1U) != 0, style);
  ValueReader second(catalog(), rewrite, (flags & 2U) != 0, style);
  first.compare_with(rewrite);
  second.compare_with(legacy);
  const std::string one = canonical(first, cell);
  const std::string other = canonical(second, other_cell);
  FUZZ_CHECK(one == canonical(first, cell));
  if (one == other) FUZZ_CHECK(!first.steps_between(cell, second, other_cell).empty());
  first.number(cell);
  first.microseconds(cell);
  first.readable(cell);
  ValueReader::changes_as_double(cell);
  json_members(cell);
  const auto read = JsonLeaf(catalog(), legacy).read(without_blanks(cell));
  FUZZ_CHECK(!read.text || !read.other_kind);
}

}  // namespace
}  // namespace parallax::shadow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parallax::shadow::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
