#pragma once

// Random values as SQL expressions, drawn from few enough that equal ones are met.

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace parallax::pgtest {

class ValueSource {
 public:
  explicit ValueSource(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  // An expression of this type: a scalar's name, "T[]", or one of the types of values_pgtest.cc.
  std::string value(const std::string& type);

 private:
  std::string literal(const std::string& type);
  std::string integer(unsigned bits);
  std::string floating(bool wide);
  std::string numeric();
  std::string characters();
  std::string hex_digits(std::size_t count);
  std::string json(int depth);
  std::string moment(const std::string& type);
  std::string array(const std::string& element);
  std::string range(const std::string& type, const std::string& bound);

  std::mt19937_64 engine_;
};

// 'text', quoted as SQL wants it.
std::string quoted(const std::string& text);

}  // namespace parallax::pgtest
