// libvips set up, and its threads.
// Owns: nothing; libvips keeps its own process-wide state.
// Promises: after init_vips untrusted loaders are blocked but for svg and jxl, nothing is cached,
// one thread per image, and GLib's warnings about pictures do not reach standard error.
#include "imgring/image/library.h"

#include <memory>
#include <utility>

#include "encoders.h"
#include "heif_codecs.h"
#include "imgring/image/loader.h"
#include "imgring/image/vips_image.h"
#include "library_exif.h"
#include "library_modules.h"
#include "library_threads.h"
#include "orc_lock.h"

namespace imgring::image {
namespace {

// Warnings about a picture's own faults would flood the log; they come back as errors when they
// matter.
void drop_message(const char*, GLogLevelFlags, const char*, void*) {}

}  // namespace

Result<void> init_vips(const char* program_name) {
  guard_orc();
  guard_openmp();
  guard_exif();
  {
    const ModulesHeldBack modules;
    if (VIPS_INIT(program_name) != 0) return fail(ErrorCode::kInternal, take_vips_error());
    modules.load_needed();
  }
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_cache_set_max_mem(0);
  vips_cache_set_max_files(0);
  vips_leak_set(FALSE);
  vips_block_untrusted_set(TRUE);
  unblock_loaders();
  unblock_savers();
  register_piece_decoders();
  const auto quiet = static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE |
                                                 G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG);
  g_log_set_handler("VIPS", quiet, drop_message, nullptr);
  if (!vips_has_operation("jpegload_source") || !vips_has_operation("pngload_source")) {
    return fail(ErrorCode::kInternal, "libvips was built without JPEG or PNG");
  }
  return {};
}

void shutdown_vips() { vips_shutdown(); }

void keep_svg_out() { vips_operation_block_set("VipsForeignLoadSvg", TRUE); }

std::function<void()> start_thread(std::function<void()> body) {
  auto owned = std::make_unique<std::function<void()>>(std::move(body));
  const GThreadFunc run = [](gpointer data) noexcept -> gpointer {
    const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(data));
    (*mine)();
    return nullptr;
  };
  GThread* thread = vips_g_thread_new("helper", run, owned.get());
  if (thread == nullptr) {
    drop_vips_error();
    return {};
  }
  owned.release();
  return [thread] { g_thread_join(thread); };
}

void job_finished() noexcept { thread_finished(); }

void thread_finished() noexcept {
  drop_vips_error();
  vips_thread_shutdown();
}

}  // namespace imgring::image
