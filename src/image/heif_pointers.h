// libheif's handles, owned. What a handle belongs to must outlive it: declare the context first.
#pragma once

#include <libheif/heif.h>

#include <memory>

#include "imgring/image/vips_image.h"

namespace imgring::image {

using HeifContextPtr = std::unique_ptr<heif_context, Deleter<heif_context_free>>;
using HeifHandlePtr = std::unique_ptr<heif_image_handle, Deleter<heif_image_handle_release>>;
using HeifImagePtr = std::unique_ptr<heif_image, Deleter<heif_image_release>>;

inline bool went_well(const heif_error& error) noexcept { return error.code == heif_error_Ok; }

}  // namespace imgring::image
