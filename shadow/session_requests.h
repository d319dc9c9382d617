#pragma once

// What a session's statements and bindings carry along, for the tap alone.

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "shadow/held_bytes.h"
#include "shadow/live_capture.h"
#include "shadow/session_tap.h"

namespace parallax::shadow {

// What a statement with its parameters means, decided when it passes on its way to the server.
struct SessionTap::Request {
  // What it has begun with, and ends with; null when it has ended. Outlives all that points into
  // it.
  std::shared_ptr<TapGeneration> generation;
  // Whose root it is, or whose root's shape but not pins it fits; null: a child at most.
  const Rule* rule = nullptr;
  Side side = Side::legacy;
  std::optional<SkipReason> skip;  // of the root: pin, one_way, sampled_out, too_large, context
  NamedValues values;
  OpenMark mark;
  std::vector<ChildMatch> children;  // places that it may have in operations of others
  StatementTags tags;
  BoundStatement statement;
  std::unique_ptr<LiveCapture> capture;
  std::vector<const Rule*> strict;  // of its rules, those for which its answer is to be held
  std::optional<StrictHold> hold;   // while it is
  bool ended = false;               // it has been counted

  // What it holds beside itself. Its rows are in the budget of captures.
  std::size_t bytes() const;
};

struct SessionTap::Binding final : protocol::BindingNote {
  Request request;
  HeldBytes held;

  std::size_t bytes() const override { return held.bytes(); }
  protocol::RowSink* rows() override { return request.capture.get(); }
};

// A simple query that a rule covers, on its way.
struct SessionTap::SimpleRequest final : protocol::StatementNote {
  std::shared_ptr<KnownStatement> statement;
  Request request;
  HeldBytes held;

  std::size_t bytes() const override { return held.bytes() + statement->bytes(); }
  std::string_view deallocates() const override { return statement->deallocates(); }
  protocol::RowSink* rows() override { return request.capture.get(); }
};

}  // namespace parallax::shadow
