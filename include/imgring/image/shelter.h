// Where the codecs of dangerous formats run: in a child of the server that is shut in (hardening.md
// section 5), so that what breaks there breaks one request.
// Owns the child of one source while pixels are to come. One job's, on its helper thread; the
// source, the stop flag and the children must outlive it and the pictures that it gave.
// Promises: pictures and results are those that this process would make; pixels come strip by strip
// in sealed memory files.
#pragma once

#include <cstdint>
#include <memory>

#include "imgring/base/bytes.h"
#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/config/config.h"
#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"

namespace imgring::sandbox {
class Children;
}

namespace imgring::image {

struct LoadParams;
class SaverCall;
class OpenPicture;

// Formats of which a setting says that they are decoded, and encoded, by children.
bool loaded_by_child(ImageType type, config::Sandbox scope) noexcept;
bool saved_by_child(ImageType type, config::Sandbox scope) noexcept;

class Shelter {
 public:
  struct Settings {
    sandbox::Children* children = nullptr;  // null: everything is done in this process (tests)
    config::Sandbox scope = config::Sandbox::kSvg;
    const StopFlag* stop = nullptr;
    std::uint64_t memory_bytes = 0;  // that a child may take; 0: up to its limit
  };
  explicit Shelter(const Settings& settings);
  ~Shelter();
  Shelter(const Shelter&) = delete;
  Shelter& operator=(const Shelter&) = delete;

  const Settings& settings() const noexcept { return settings_; }
  // False also where no child can be shut in (decision 42).
  bool loads(ImageType type) const;
  bool saves(ImageType type) const;
  // As image::load; of one source, any number of times.
  Result<VipsImagePtr> load(ByteSpan source, ImageType type, const LoadParams& params);
  // As the saver of libvips; of an image in memory. Pictures that were loaded here have no more
  // pixels to give afterwards.
  Result<Bytes> save(VipsImage* memory, ImageType type, const SaverCall& call);

 private:
  bool works() const;
  Settings settings_;
  std::shared_ptr<OpenPicture> source_;
};

}  // namespace imgring::image
