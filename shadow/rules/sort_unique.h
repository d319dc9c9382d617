#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace parallax::shadow {

inline void sort_unique(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

}  // namespace parallax::shadow
