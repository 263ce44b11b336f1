// One call of a libvips operation by name, with only the arguments this libvips knows.
// Owns: the operation until run; results are handed out behind handles. Helper threads only.
// Errors carry the vips text (vips_failure). Headers of libvips keep their C casts to themselves
// here.
#pragma once

#include <string_view>

#include "imgring/image/vips_image.h"

namespace imgring::image {

class Operation {
 public:
  explicit Operation(const char* name) noexcept : op_(vips_operation_new(name)) {
    IMGRING_CHECK_OFF_LOOP();
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() {
    if (op_ != nullptr) g_object_unref(op_);
  }

  // `T` must be what the property holds: int (also enums and booleans), double, const char*,
  // object.
  template <class T>
  Operation& set(const char* argument, T value) noexcept {
    if (op_ != nullptr) g_object_set(op_, argument, value, nullptr);
    return *this;
  }
  template <class T>
  Operation& set_if_known(const char* argument, T value) noexcept {
    if (op_ != nullptr && knows(argument)) g_object_set(op_, argument, value, nullptr);
    return *this;
  }
  // Runs and gives the output image; for operations without one use run().
  Result<VipsImagePtr> image(const char* output = "out") {
    if (!build()) return std::unexpected(vips_failure(""));
    VipsImage* made = nullptr;
    g_object_get(op_, output, &made, nullptr);
    vips_object_unref_outputs(object());
    if (made == nullptr) return fail(ErrorCode::kInternal, "operation without a result");
    return VipsImagePtr(made);
  }
  Result<void> run() {
    if (!build()) return std::unexpected(vips_failure(""));
    vips_object_unref_outputs(object());
    return {};
  }

 private:
  VipsObject* object() const noexcept { return reinterpret_cast<VipsObject*>(op_); }
  bool knows(const char* argument) const noexcept {
    return g_object_class_find_property(reinterpret_cast<GTypeInstance*>(op_)->g_class == nullptr
                                            ? nullptr
                                            : reinterpret_cast<GObjectClass*>(
                                                  reinterpret_cast<GTypeInstance*>(op_)->g_class),
                                        argument) != nullptr;
  }
  bool build() noexcept {
    if (op_ == nullptr) return false;
    if (vips_cache_operation_buildp(&op_) == 0) return true;
    vips_object_unref_outputs(object());
    return false;
  }

  VipsOperation* op_;
};

}  // namespace imgring::image
