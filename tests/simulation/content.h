// Pictures of the simulation: sources that say whose they are, and results made from them. Bytes of
// one that got into another are seen. Plain functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imgring::simulation {

struct Facts {
  std::uint32_t id = 0;
  int width = 1, height = 1;
};
inline constexpr std::size_t kSourceBytesMin = 64;

// The head of a PNG, and behind it bytes that follow from the id.
std::string make_source(const Facts& facts, std::size_t size_bytes);
// Its id; nothing: they are not the whole bytes that make_source() gave.
std::optional<std::uint32_t> id_of_source(std::string_view bytes);

std::string make_result(std::uint32_t id, std::size_t size_bytes);
std::optional<std::uint32_t> id_of_result(std::string_view bytes);

}  // namespace imgring::simulation
