// Sums over the graph of references: each item once, its uses as often as they are.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "heif_reader.h"
#include "imgring/format/heif_boxes.h"

namespace imgring::format {
namespace {

// A tile takes as long as so many pixels, however small: 3600 of 64 x 64 took a child 2.6 seconds.
constexpr double kPicturePixelsMin = 16 << 10;

// Of a pixel that is decoded, what it takes to make room for one, to clear and to fill it.
constexpr double kFillCost = 0.25;

struct Item {
  std::uint32_t id = 0;
  double own = 0, pixels = 0;  // of itself, and all that it takes
  double pictures = 0;
  int levels = 0;  // of pictures of pictures below it, with itself
  bool derived = false;
  enum class State : std::uint8_t { kNew, kOpen, kDone } state = State::kNew;
};

// One picture is put together of another, or has it as its alpha.
struct Use {
  std::uint32_t by = 0, of = 0;  // indices
};

Error broken(std::string why) { return Error(ErrorCode::kBrokenImage, "heif: " + std::move(why)); }

Error too_many(const char* what, std::size_t most) {
  return broken("more than " + std::to_string(most) + " " + what);
}

class Graph {
 public:
  Result<void> read(ByteSpan source);
  // The most that any item takes.
  Result<HeifWork> most();

 private:
  Result<void> read_items(ByteSpan meta);
  Result<void> read_sizes(ByteSpan meta);
  Result<void> read_uses(ByteSpan meta);
  Result<void> visit(std::size_t index, int depth);
  Item* find(std::uint32_t id) noexcept {
    const auto at = std::ranges::lower_bound(items_, id, {}, &Item::id);
    return at != items_.end() && at->id == id ? &*at : nullptr;
  }

  std::vector<Item> items_;  // by number
  std::vector<Use> uses_;    // by who uses
  double largest_ = 0;
};

Result<void> Graph::read_items(ByteSpan meta) {
  constexpr std::array<std::string_view, 3> kDerived = {"grid", "iovl", "iden"};
  const std::vector<Box> entries = boxes_of(item_entries(meta));
  if (entries.size() == kBoxesMax) return std::unexpected(too_many("items", kBoxesMax - 1));
  for (const Box& entry : entries) {
    const auto item = item_of(entry);
    if (!item) continue;
    const bool derived = std::ranges::find(kDerived, item->type) != kDerived.end();
    items_.push_back({.id = item->id, .derived = derived});
  }
  std::ranges::stable_sort(items_, {}, &Item::id);
  return {};
}

Result<void> Graph::read_sizes(ByteSpan meta) {
  const HeifProperties properties(meta);
  if (properties.entry_count() > kBoxesMax) return std::unexpected(too_many("items", kBoxesMax));
  constexpr std::size_t kPropertiesMax = 64 << 10;  // pictures have some ten each
  std::size_t count = 0;
  static_cast<void>(properties.for_all([&](std::uint32_t id, const Box& property) {
    if (++count > kPropertiesMax || property.name != "ispe") return;
    const double pixels = static_cast<double>(read_be(property.body, 4, 4).value_or(0)) *
                          read_be(property.body, 8, 4).value_or(0);
    largest_ = std::max(largest_, pixels);
    if (Item* item = find(id)) item->own = std::max(item->own, pixels);
  }));
  if (count > kPropertiesMax) return std::unexpected(too_many("properties", kPropertiesMax));
  return {};
}

Result<void> Graph::read_uses(ByteSpan meta) {
  const std::vector<HeifReference> references = references_of(meta);
  if (references.size() == kBoxesMax) return std::unexpected(too_many("references", kBoxesMax - 1));
  const auto add = [this](std::uint32_t by, std::uint32_t of) {
    const Item *user = find(by), *used = find(of);
    if (user == nullptr || used == nullptr) return;
    uses_.push_back({static_cast<std::uint32_t>(user - items_.data()),
                     static_cast<std::uint32_t>(used - items_.data())});
  };
  for (const HeifReference& reference : references) {
    const bool made_of = reference.kind == "dimg";
    if (!made_of && reference.kind != "auxl") continue;
    // Of one picture there are fewer (check), of a whole collection more.
    constexpr std::size_t kUsesMax = 64 << 10;
    if (uses_.size() + reference.count() > kUsesMax) {
      return std::unexpected(too_many("tiles and layers in all", kUsesMax));
    }
    for (std::size_t i = 0; i < reference.count(); ++i) {
      const std::uint32_t other = reference.item(i);
      made_of ? add(reference.from, other) : add(other, reference.from);
    }
  }
  std::ranges::stable_sort(uses_, {}, &Use::by);
  return {};
}

// Of two a library may read another than we do.
Result<ByteSpan> only_meta(ByteSpan source) {
  ByteSpan found;
  std::size_t at = 0, boxes = 0;
  while (const auto box = next_box(source, &at)) {
    if (++boxes > kBoxesMax) return std::unexpected(too_many("boxes", kBoxesMax));
    if (box->name != "meta") continue;
    if (!found.empty()) return std::unexpected(broken("two lists of its pictures"));
    found = box->body;
  }
  return full(found);
}

Result<void> Graph::read(ByteSpan source) {
  IMGRING_TRY(const ByteSpan meta, only_meta(without_second_file(source)));
  IMGRING_TRY_VOID(read_items(meta));
  IMGRING_TRY_VOID(read_sizes(meta));
  return read_uses(meta);
}

Result<void> Graph::visit(std::size_t index, int depth) {
  constexpr int kDepthMax = 8;  // a grid in a frame in a layer, each with its alpha, is 4
  Item& item = items_[index];
  if (item.state == Item::State::kDone && depth + item.levels <= kDepthMax) return {};
  if (item.state == Item::State::kOpen) {
    return std::unexpected(broken("item " + std::to_string(item.id) + " is made of itself"));
  }
  if (item.state == Item::State::kDone || depth == kDepthMax) {
    return std::unexpected(
        broken("pictures of pictures, over " + std::to_string(kDepthMax) + " deep"));
  }
  item.state = Item::State::kOpen;
  item.pictures = 1;
  item.levels = 1;
  // A derived one is filled beside what it is put together of; without a size it may be any.
  item.pixels = item.own > 0 || item.derived ? item.own : largest_;
  if (item.derived) item.pixels *= kFillCost;
  const auto uses = std::ranges::equal_range(uses_, index, {}, &Use::by);
  for (const Use& use : uses) {
    IMGRING_TRY_VOID(visit(use.of, depth + 1));
    item.pixels += std::max(items_[use.of].pixels, kPicturePixelsMin);
    item.pictures += items_[use.of].pictures;
    item.levels = std::max(item.levels, items_[use.of].levels + 1);
  }
  item.state = Item::State::kDone;
  return {};
}

// kBrokenImage: over a limit.
Result<void> check(const Item& item) {
  if (item.pictures > kHeifPicturesMax) {
    return std::unexpected(too_many("tiles and layers", kHeifPicturesMax));
  }
  const double most = std::max(kHeifSmallPixels, item.own * kHeifTimesDecodedMax);
  if (item.pixels <= most) return {};
  const auto millions = [](double pixels) {
    constexpr double kMillion = 1e6;
    return std::to_string(static_cast<std::int64_t>(pixels / kMillion));
  };
  return std::unexpected(broken(millions(item.pixels) + " MP of tiles and layers are decoded for " +
                                millions(item.own) + " MP, at most " + millions(most) + " may be"));
}

Result<HeifWork> Graph::most() {
  HeifWork work;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    IMGRING_TRY_VOID(visit(i, 0));
    const Item& item = items_[i];
    if (item.own == 0 && !item.derived) continue;  // metadata
    IMGRING_TRY_VOID(check(item));
    if (item.pixels > work.pixels) work.pixels = item.pixels, work.own = item.own;
    work.pictures = std::max(work.pictures, item.pictures);
  }
  return work;
}

}  // namespace

Result<HeifWork> heif_work(ByteSpan source) {
  Graph graph;
  IMGRING_TRY_VOID(graph.read(source));
  return graph.most();
}

Result<void> check_heif(ByteSpan source) {
  IMGRING_TRY_VOID(heif_work(source));
  return {};
}

}  // namespace imgring::format
