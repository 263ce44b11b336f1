// A view with nothing left out is memory; any other a source of its own over a stream.
#include "png_source.h"

namespace imgring::image {
namespace {

using format::PngViewStream;

gint64 read_stream(VipsSourceCustom*, void* into, gint64 size_bytes, void* stream) noexcept {
  return static_cast<gint64>(
      static_cast<PngViewStream*>(stream)->read(into, static_cast<std::size_t>(size_bytes)));
}
void drop_stream(void* stream, GClosure*) noexcept { delete static_cast<PngViewStream*>(stream); }

}  // namespace

VipsSourcePtr open_png_view(format::PngView view) {
  if (view.complete()) {
    return VipsSourcePtr(vips_source_new_from_memory(view.bytes.data(), view.bytes.size()));
  }
  VipsSourceCustom* source = vips_source_custom_new();
  if (source == nullptr) return nullptr;
  g_signal_connect_data(source, "read", reinterpret_cast<GCallback>(read_stream),
                        new PngViewStream(std::move(view)), drop_stream, GConnectFlags{});
  return VipsSourcePtr(reinterpret_cast<VipsSource*>(source));
}

}  // namespace imgring::image
