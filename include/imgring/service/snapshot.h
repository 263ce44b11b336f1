// The configuration and everything made of it: immutable, replaced whole by reload. Built by the
// start, held by each request until it is answered. Any thread.
#pragma once

#include <memory>

#include "imgring/config/config.h"
#include "imgring/format/abilities.h"
#include "imgring/image/colour_profiles.h"
#include "imgring/pipeline/render.h"
#include "imgring/url/request.h"

namespace imgring::service {

struct Snapshot {
  config::Config config;
  std::shared_ptr<const url::UrlRules> rules;
  format::Abilities abilities;                            // of this libvips
  std::shared_ptr<const image::ColourProfiles> profiles;  // null: none
  std::shared_ptr<const pipeline::AuxImage> watermark;    // null: none
  std::shared_ptr<const pipeline::AuxImage> fallback;     // null: none
};
// That the options name; null: they name none. kInvalidUrl: there is none of that name.
Result<const image::ColourProfile*> profile_of(const Snapshot& snapshot,
                                               const url::RequestOptions& options);
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace imgring::service
