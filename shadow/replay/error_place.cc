#include "shadow/replay/error_place.h"

#include <algorithm>

#include "shadow/rules/prepared_text.h"
#include "shadow/rules/rewrite_select.h"

namespace parallax::shadow {

namespace {

// Where the character of this number, from 1, begins (UTF-8).
std::size_t byte_of(std::string_view text, std::size_t character) {
  std::size_t at = 0;
  while (at < text.size() && character > 1) {
    do {
      ++at;
    } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
    --character;
  }
  return at;
}

}  // namespace

SourceMark error_place(const SourceText& text, const StatementShape& shape, const StepResult& step,
                       std::string_view before) {
  if (step.position == 0) return mark_inside(text.mark, text.text, 0);
  const PreparedText prepared = prepare_text(text.text, shape);
  // `before` is ASCII.
  const std::size_t character = step.position - std::min(step.position, before.size());
  return mark_inside(text.mark, text.text,
                     prepared.source_offset(byte_of(prepared.sql, character)));
}

SourceMark rewrite_error_place(const Rule& rule, std::size_t statement, const StepResult& step) {
  const RuleStatement& rewrite = rule.rewrite[statement];
  const SourceText& select = rule.source.compare.select;
  if (select.text.empty()) return error_place(rewrite.source, rewrite.shape, step);
  const std::size_t begin = rewrite.prepared.size() - select.text.size();
  const std::size_t at = byte_of(rewrite.prepared, step.position);
  if (step.position == 0 || at < begin)
    return error_place(rewrite.source, rewrite.shape, step, kSelectBefore);
  return mark_inside(select.mark, select.text, at - begin);
}

}  // namespace parallax::shadow
