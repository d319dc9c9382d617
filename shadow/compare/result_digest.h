#pragma once

// A result that is too large to be kept, as one pass over its rows: how many there are, and digests
// of the values that are compared, as a multiset and as a sequence.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shadow/compare/pairing.h"
#include "shadow/compare/result_set.h"
#include "shadow/compare/type_catalog.h"
#include "shadow/compare/value_reader.h"

namespace parallax::shadow {

// What the digests of one snapshot have in common; only such digests compare.
struct DigestBasis {
  Pairing pairing;
  // As verified: how a cell is read depends on the type that it is compared with.
  std::vector<ColumnInfo> legacy_columns;
  std::vector<ColumnInfo> rewrite_columns;
  TypeCatalog types;
  TextStyle style;
};

struct DigestedResult {
  std::shared_ptr<const DigestBasis> basis;
  std::size_t rows = 0;
  // Sum of the rows' SHA-256 digests, in four lanes of 64 bits: the order does not matter, how
  // often a row occurs does.
  std::array<std::uint64_t, 4> multiset{};
  std::array<unsigned char, 32> sequence{};  // SHA-256 of the rows' digests one after the other

  bool same_rows(const DigestedResult& other) const {
    return rows == other.rows && multiset == other.multiset;
  }
};

class ResultDigest {
 public:
  // Of a result that has other columns than were paired, only the rows are counted.
  ResultDigest(std::shared_ptr<const DigestBasis> basis, const std::vector<ColumnInfo>& columns,
               Side side);
  ResultDigest(ResultDigest&&) noexcept;
  ResultDigest& operator=(ResultDigest&&) noexcept;
  ~ResultDigest();

  // The cells of all columns; nothing = NULL. They are not kept.
  void add_row(std::span<const std::optional<std::string_view>> cells);
  void add_rows(const ResultSet& result);
  // Once, at the end.
  DigestedResult finish();

 private:
  struct Column {
    std::size_t index;
    ValueReader reader;
  };
  struct Hashes;

  std::vector<Column> columns_;  // in the order of the pairs
  std::unique_ptr<Hashes> hashes_;
  DigestedResult result_;
  std::string canonical_;  // of one row
};

}  // namespace parallax::shadow
