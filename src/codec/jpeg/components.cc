// Chroma is transformed straight to luma's size where a block has the coefficients for it.
#include "components.h"

#include <algorithm>
#include <cmath>

#include "imgring/base/check.h"

namespace imgring::codec::jpeg {
namespace {

Dequant dequant_of(double weight) noexcept {
  constexpr double kOne = 1 << 15;
  const double whole = std::trunc(weight);
  const double fraction = std::clamp(std::round((weight - whole) * kOne), 1 - kOne, kOne - 1);
  return {static_cast<std::int16_t>(whole), static_cast<std::int16_t>(fraction)};
}

Kept kept_of(JpegKernel kernel, TransformSize size, const std::array<std::uint16_t, 64>& quants) {
  const AxisInputs across = inputs_of(kernel, size.nx), down = inputs_of(kernel, size.ny);
  Kept kept;
  kept.count = across.count * down.count;
  kept.place.fill(static_cast<std::uint16_t>(kept.count * kLanes));
  for (std::size_t k = 0; k < 64; ++k) {
    for (int slot = 0; slot < kept.count; ++slot) {
      const auto u = static_cast<std::size_t>(slot % across.count);
      const auto v = static_cast<std::size_t>(slot / across.count);
      if (kZigzag[k] != down.at[v] * 8 + across.at[u]) continue;
      kept.place[k] = static_cast<std::uint16_t>(slot * kLanes);
      kept.mask |= std::uint64_t{1} << k;
      kept.last = static_cast<int>(k);
      const double weight = quants[k] * (1 << kFractionBits) * across.scale[u] * down.scale[v];
      kept.dequant[static_cast<std::size_t>(slot)] = dequant_of(weight);
    }
  }
  return kept;
}

}  // namespace

std::optional<Layout> make_layout(const Headers& headers, int shrink, JpegKernel kernel) {
  const int pixels = 8 / shrink, h_max = headers.h_max(), v_max = headers.v_max();
  Layout out;
  out.width = divided_up(headers.width, shrink);
  out.height = divided_up(headers.height, shrink);
  out.mcus_x = divided_up(headers.width, 8 * h_max);
  out.mcus_y = divided_up(headers.height, 8 * v_max);
  for (const FrameComponent& f : headers.components) {
    Component& c = out.components.emplace_back();
    c.h = f.h;
    c.v = f.v;
    c.nx = std::min(8, pixels * h_max / c.h);
    c.ny = std::min(8, pixels * v_max / c.v);
    c.blocks_x = divided_up(headers.width * c.h, 8 * h_max);
    c.blocks_y = divided_up(headers.height * c.v, 8 * v_max);
    c.sets_x = divided_up(out.mcus_x, kLanes) * c.h;
    c.block_rows = out.mcus_y * c.v;
    c.dc_most = 1024 / headers.quants[f.quant][0] + 1;
    c.kept = kept_of(kernel, {c.nx, c.ny}, headers.quants[f.quant]);
    c.transform = loops().transform(kernel, {c.nx, c.ny});
    // Loops read two registers behind what they want.
    c.stride = std::ptrdiff_t{c.sets_x} * kLanes * c.nx + 2 * kRegisterBytesMax;
    c.samples = zeroed<std::uint8_t>(static_cast<std::size_t>(c.stride * (1 + c.strip_rows())));
    IMGRING_CHECK(c.transform != nullptr);
    if (c.samples == nullptr) return std::nullopt;
  }
  return out;
}

}  // namespace imgring::codec::jpeg
