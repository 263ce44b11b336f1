// Abilities as text, and what follows from them for the configuration.
#include "imgring/format/abilities.h"

#include "imgring/format/format.h"

namespace imgring::format {
namespace {

void add_name(std::string* names, ImageType type) {
  if (!names->empty()) *names += ", ";
  *names += facts_of(type).name;
}

}  // namespace

Abilities Abilities::all() noexcept {
  Abilities can;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    can.loads.add(type);
    if (type != ImageType::kSvg) can.saves.add(type);
  }
  return can;
}

std::string abilities_text(const Abilities& can) {
  std::string text;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    const bool loads = can.can_load(type), saves = can.can_save(type);
    add_name(&text, type);
    text += loads && saves ? " (load, save)" : loads ? " (load)" : saves ? " (save)" : " (none)";
  }
  return text;
}

std::string missing_text(const Abilities& can) {
  std::string unread, unwritten;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (!can.can_load(type)) add_name(&unread, type);
    if (!can.can_answer_in(type)) add_name(&unwritten, type);
  }
  std::string text;
  if (!unread.empty()) text += " cannot load " + unread;
  if (!unread.empty() && !unwritten.empty()) text += " and";
  if (!unwritten.empty()) text += " cannot save " + unwritten;
  return text;
}

std::string drop_unsaved(std::vector<ImageType>* preferred, const Abilities& can) {
  std::string dropped;
  std::erase_if(*preferred, [&](ImageType type) {
    if (can.can_save(type)) return false;
    add_name(&dropped, type);
    return true;
  });
  if (dropped.empty()) return {};
  return "preferred formats that cannot be saved are left out: " + dropped;
}

}  // namespace imgring::format
