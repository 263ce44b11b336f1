// Bytes and whatever keeps them: one owner, whoever allocated them.
// Owns: its owner, of any movable type (a string, malloc's or GLib's memory, a buffer pool's lease,
// a shared result), and what was put beside it by keep() (a grant of memory). Move-only; a value of
// whoever has it. The owner is destroyed where the Bytes are: a lease goes back on its own loop.
// Nobody but the maker of the bytes knows whose free() it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "imgring/base/text.h"

namespace imgring {

class Bytes {
 public:
  Bytes() noexcept = default;
  // `span` must stay where it is while `owner` is moved.
  template <class Owner>
  Bytes(ByteSpan span, Owner owner)
      : span_(span), owner_(std::make_unique<Held<Owner>>(std::move(owner))) {}
  Bytes(Bytes&& other) noexcept
      : span_(std::exchange(other.span_, {})), owner_(std::move(other.owner_)) {}
  Bytes& operator=(Bytes&& other) noexcept {
    owner_ = std::move(other.owner_);
    span_ = std::exchange(other.span_, {});
    return *this;
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() = default;

  static Bytes of(std::string text);
  // Of a text that lives as long as the process.
  static Bytes of_static(std::string_view text) noexcept {
    Bytes bytes;
    bytes.span_ = as_bytes(text);
    return bytes;
  }
  // From malloc(); null: empty.
  static Bytes of_malloc(std::uint8_t* data, std::size_t size_bytes);

  ByteSpan span() const noexcept { return span_; }
  const std::uint8_t* data() const noexcept { return span_.data(); }
  std::size_t size() const noexcept { return span_.size(); }
  bool empty() const noexcept { return span_.empty(); }
  // Destroyed with the bytes, after them.
  template <class More>
  void keep(More more) {
    using Both = std::pair<More, std::unique_ptr<Holder>>;  // members go in reverse order
    owner_ = std::make_unique<Held<Both>>(Both(std::move(more), std::move(owner_)));
  }

 private:
  struct Holder {
    virtual ~Holder() = default;
  };
  template <class T>
  struct Held final : Holder {
    explicit Held(T v) : value(std::move(v)) {}
    T value;
  };
  ByteSpan span_;
  std::unique_ptr<Holder> owner_;
};

}  // namespace imgring
