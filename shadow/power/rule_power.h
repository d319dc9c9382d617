#pragma once

// What the operations that a journal has recorded could have shown of a rule. Public face of
// shadow/.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace parallax::shadow {

struct RulePower {
  struct Undecided {
    std::string mistake;
    std::string why;
  };

  std::string unknown;         // why nothing can be said; empty: the rest holds
  std::size_t operations = 0;  // recorded ones that the rewrite as it is still gives the same for
  std::map<std::string, std::size_t> left_out;  // the others, by reason
  std::size_t planted = 0;
  std::size_t caught = 0;
  std::size_t refused = 0;             // of those: the server or verification would not have them
  std::vector<std::string> survivors;  // no operation tells the difference
  std::vector<Undecided> undecided;
  std::size_t not_planted = 0;  // there were more mistakes than are tried

  // Of what was planted; 1 where there was nothing to plant.
  double share() const {
    return planted == 0 ? 1 : static_cast<double>(caught) / static_cast<double>(planted);
  }
};

}  // namespace parallax::shadow
