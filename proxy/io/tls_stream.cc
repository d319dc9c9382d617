#include "proxy/io/tls_stream.h"

#include <array>
#include <utility>

namespace parallax::io {
namespace {

// Shared by all streams of a thread: a record is handled before the next one is read, and
// ciphertext is sent before the call returns. An idle connection keeps neither.
thread_local std::array<std::byte, kTlsRecordBytes> plaintext_of_thread;
thread_local std::vector<std::byte> ciphertext_of_thread;

}  // namespace

TlsStream::TlsStream(std::unique_ptr<ByteStream> transport, TlsEngine engine, Later later)
    : transport_(std::move(transport)), engine_(std::move(engine)), later_(std::move(later)) {
  transport_->set_listener(this);
}

TlsStream::~TlsStream() {
  *alive_ = false;
  transport_->set_listener(nullptr);
}

void TlsStream::handshake(Bytes early, std::function<void(const std::string&)> done) {
  handshake_done_ = std::move(done);
  const auto alive = alive_;
  process(early);  // a client's first flight comes out of nothing
  if (*alive && handshake_done_) transport_->resume_reading();
}

void TlsStream::write(Bytes chunk) {
  if (chunk.empty()) return;
  auto& output = ciphertext_of_thread;
  engine_.write(chunk, output);
  send(output);
}

void TlsStream::send(std::vector<std::byte>& output) {
  if (!output.empty()) transport_->write(output);
  output.clear();
}

void TlsStream::resume_reading() {
  if (reading_) return;
  reading_ = true;
  if (held_.empty()) {
    transport_->resume_reading();
    return;
  }
  // Not from within the caller's call: it may be handling bytes of this very stream.
  later_([this, alive = alive_] {
    if (*alive) process_held();
  });
}

void TlsStream::pause_reading() {
  reading_ = false;
  transport_->pause_reading();
}

void TlsStream::finish_writing() {
  auto& output = ciphertext_of_thread;
  engine_.shutdown(output);
  send(output);
  transport_->finish_writing();
}

void TlsStream::on_bytes(Bytes chunk) {
  if (held_.empty()) return process(chunk);
  held_.insert(held_.end(), chunk.begin(), chunk.end());
  if (reading_) process_held();
}

void TlsStream::process_held() {
  if (!reading_ || held_.empty() || processing_) return;
  const auto held = std::exchange(held_, {});
  const auto alive = alive_;
  process(held);
  if (*alive && reading_ && held_.empty()) transport_->resume_reading();
}

void TlsStream::process(Bytes chunk) {
  const auto alive = alive_;
  processing_ = true;
  while (!ended_) {
    const auto before = chunk.size();
    const bool shaking_hands = handshake_done_ != nullptr;
    if (shaking_hands) {
      process_handshake(chunk);
    } else if (reading_) {
      process_record(chunk);
    } else {
      break;
    }
    if (!*alive) return;
    if (chunk.empty() || (chunk.size() == before && shaking_hands == (handshake_done_ != nullptr)))
      break;
  }
  processing_ = false;
  if (!ended_ && !chunk.empty()) {
    held_.assign(chunk.begin(), chunk.end());
    transport_->pause_reading();
  }
}

void TlsStream::process_handshake(Bytes& rest) {
  auto& output = ciphertext_of_thread;
  const auto status = engine_.handshake(rest, output);
  send(output);
  switch (status) {
    case TlsEngine::Status::needs_input:
      return;
    case TlsEngine::Status::done:
      transport_->pause_reading();
      return end_handshake({});
    case TlsEngine::Status::ended:
    case TlsEngine::Status::failed:
      ended_ = true;
      return end_handshake(engine_.error().empty() ? "the peer ended it" : engine_.error());
  }
}

void TlsStream::end_handshake(const std::string& error) {
  std::exchange(handshake_done_, nullptr)(error);
}

void TlsStream::process_record(Bytes& rest) {
  auto& output = ciphertext_of_thread;
  std::size_t count = 0;
  const auto status = engine_.read(rest, output, plaintext_of_thread, count);
  send(output);  // the answer to a key update, or an alert
  switch (status) {
    case TlsEngine::Status::needs_input:
      return;
    case TlsEngine::Status::done:
      if (listener_ != nullptr) listener_->on_bytes(Bytes(plaintext_of_thread).first(count));
      return;
    case TlsEngine::Status::ended:
      ended_ = true;
      if (listener_ != nullptr) listener_->on_end();
      return;
    case TlsEngine::Status::failed:
      ended_ = true;
      transport_->pause_reading();
      if (listener_ != nullptr) listener_->on_broken("TLS: " + engine_.error());
      return;
  }
}

void TlsStream::on_end() {
  if (std::exchange(ended_, true)) return;
  if (handshake_done_) return end_handshake("the peer closed the connection");
  if (listener_ != nullptr) listener_->on_end();
}

void TlsStream::on_broken(const std::string& what) {
  // Also news after the peer's close_notify: what is written has nowhere to go.
  ended_ = true;
  if (handshake_done_) return end_handshake(what);
  if (listener_ != nullptr) listener_->on_broken(what);
}

void TlsStream::on_drained() {
  if (listener_ != nullptr) listener_->on_drained();
}

}  // namespace parallax::io
