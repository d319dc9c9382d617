#include "shadow/compare/result_digest.h"

#include <openssl/evp.h>

#include <cstring>
#include <new>
#include <utility>

namespace parallax::shadow {

namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Sha256 {
 public:
  using Digest = std::array<unsigned char, 32>;

  Sha256() : context_(EVP_MD_CTX_new()) {
    if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
      throw std::bad_alloc();
    }
  }
  void add(const void* bytes, std::size_t size) { EVP_DigestUpdate(context_.get(), bytes, size); }
  // Begins anew.
  Digest finish() {
    Digest digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    EVP_DigestInit_ex(context_.get(), nullptr, nullptr);
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

// What stands before a cell, so that no two rows give the same bytes.
constexpr char kNull = '\0';
constexpr char kValue = '\1';

}  // namespace

struct ResultDigest::Hashes {
  Sha256 row;
  Sha256 sequence;
};

ResultDigest::ResultDigest(std::shared_ptr<const DigestBasis> basis,
                           const std::vector<ColumnInfo>& columns, Side side)
    : hashes_(std::make_unique<Hashes>()) {
  const bool legacy = side == Side::legacy;
  const DigestBasis& by = *basis;
  result_.basis = std::move(basis);
  if (columns.size() != (legacy ? by.legacy_columns : by.rewrite_columns).size()) return;
  for (const ColumnPair& pair : by.pairing.pairs) {
    const std::size_t index = legacy ? pair.legacy : pair.rewrite;
    const ColumnInfo& column = columns[index];
    Column& added = columns_.emplace_back(
        Column{index, ValueReader(by.types, column.type_oid, column.binary, by.style)});
    added.reader.compare_with(
        (legacy ? by.rewrite_columns[pair.rewrite] : by.legacy_columns[pair.legacy]).type_oid);
  }
}

ResultDigest::ResultDigest(ResultDigest&&) noexcept = default;
ResultDigest& ResultDigest::operator=(ResultDigest&&) noexcept = default;
ResultDigest::~ResultDigest() = default;

void ResultDigest::add_row(std::span<const std::optional<std::string_view>> cells) {
  canonical_.clear();
  for (const Column& column : columns_) {
    const auto& cell = cells[column.index];
    if (!cell) {
      canonical_.push_back(kNull);
      continue;
    }
    canonical_.push_back(kValue);
    const std::size_t place = canonical_.size();
    std::uint64_t length = 0;
    canonical_.append(sizeof length, '\0');
    column.reader.append_canonical(*cell, canonical_);
    length = canonical_.size() - place - sizeof length;
    std::memcpy(canonical_.data() + place, &length, sizeof length);
  }
  hashes_->row.add(canonical_.data(), canonical_.size());
  const Sha256::Digest digest = hashes_->row.finish();
  std::array<std::uint64_t, 4> lanes{};
  std::memcpy(lanes.data(), digest.data(), digest.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) result_.multiset[i] += lanes[i];
  hashes_->sequence.add(digest.data(), digest.size());
  ++result_.rows;
}

void ResultDigest::add_rows(const ResultSet& result) {
  std::vector<std::optional<std::string_view>> cells(result.columns().size());
  for (std::size_t row = 0; row < result.rows(); ++row) {
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = result.cell(row, i);
    add_row(cells);
  }
}

DigestedResult ResultDigest::finish() {
  result_.sequence = hashes_->sequence.finish();
  return std::move(result_);
}

}  // namespace parallax::shadow
