// The pool and one drawing in a child. What a child says is checked here and nowhere else.
#include "imgring/image/svg_children.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/mem/budget.h"
#include "imgring/mem/own_memory.h"
#include "imgring/svg/parser.h"
#include "memory_file.h"
#include "row_puller.h"
#include "svg_lock.h"
#include "svg_talk.h"
#include "svg_wire.h"

namespace imgring::image {

using SteadyClock = std::chrono::steady_clock;

struct SvgChildren::Child {
  SvgProcess process;
  int jobs = 0;
  std::uint64_t most_bytes = 0;        // resident, by its own word: it only ever ends the child
  std::uint64_t ready_bytes = 0;       // mapped before its first job
  std::uint64_t ready_anon_bytes = 0;  // of its own then
  SteadyClock::time_point idle_since{};
  mem::Grant idle;
};

namespace {

// Printable ASCII of what a child says for the log.
std::string detail_of(const SvgTold& told) {
  std::string text(told.detail, std::min<std::size_t>(told.detail_bytes, kSvgDetailBytesMax));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return text;
}

// A picture's fault is all that a child can tell of.
Error error_of(const SvgTold& told) {
  const auto said = static_cast<ErrorCode>(told.code);
  const bool known = told.code <= static_cast<std::uint32_t>(ErrorCode::kInternal) &&
                     (said == ErrorCode::kBrokenSvg || said == ErrorCode::kResolutionTooLarge);
  return Error(known ? said : ErrorCode::kBrokenImage, detail_of(told));
}

// Of a child that somebody else has reaped.
constexpr int kStatusUnknown = -1;

std::string words_of(int status) {
  if (status == kStatusUnknown) return "ended";
  if (WIFEXITED(status)) return "ended with status " + std::to_string(WEXITSTATUS(status));
  if (!WIFSIGNALED(status)) return "ended";
  const char* name = sigdescr_np(WTERMSIG(status));
  return "ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
         (name != nullptr ? name : "unknown") + ")";
}

Result<VipsImagePtr> image_of(Mapping mapping, const SvgSize& size) {
  const ByteSpan bytes = mapping.bytes();
  VipsImagePtr image(vips_image_new_from_memory(bytes.data(), bytes.size(), size.width, size.height,
                                                kSvgBands, VIPS_FORMAT_UCHAR));
  if (image == nullptr) return std::unexpected(vips_failure("pixels of an SVG"));
  // The mapping lives as long as the image.
  g_object_set_data_full(reinterpret_cast<GObject*>(image.get()), "imgring-pixels",
                         new Mapping(std::move(mapping)),
                         [](void* p) { delete static_cast<Mapping*>(p); });
  constexpr double kPixelsPerMm = 96 / 25.4;  // as libvips' own loader leaves it
  vips_image_init_fields(image.get(), size.width, size.height, kSvgBands, VIPS_FORMAT_UCHAR,
                         VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, kPixelsPerMm, kPixelsPerMm);
  vips_image_set_string(image.get(), VIPS_META_LOADER, "svgload_source");
  return image;
}

mem::OwnMemory memory_of(pid_t pid) {
  char path[32], text[128];
  std::snprintf(path, sizeof path, "/proc/%d/statm", pid);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return {};
  const std::size_t n = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return mem::parse_statm(std::string_view(text, n), page).value_or(mem::OwnMemory());
}

}  // namespace

// One source in one child, from the first look to the pixels.
class ChildDrawing final : public SvgDrawing {
 public:
  struct Input {
    ByteSpan source;
    SvgParams params;
    const StopFlag& stop;
    bool large;  // leaves its turn at the end
  };
  ChildDrawing(SvgChildren& pool, SvgChildren::ChildPtr child, const Input& input)
      : pool_(pool), child_(std::move(child)), in_(input),
        end_(SteadyClock::now() + pool.options_.time_max) {
    ++child_->jobs;
  }
  ~ChildDrawing() override { release(); }

  Result<SvgSize> look(double scale) override {
    SvgAsk ask = new_ask(opened_ ? SvgAskKind::kLook : SvgAskKind::kOpen);
    ask.scale = scale;
    loop::Fd file;
    if (!opened_) {
      IMGRING_TRY(file, memory_file_of(in_.source));
    }
    if (!opened_) limit_addresses();
    opened_ = true;
    size_ = {};
    IMGRING_TRY(const SvgTold told, exchange(ask, file.get()));
    // The sides of any libvips image end there.
    if (told.width < 1 || told.height < 1 || told.width > VIPS_MAX_COORD ||
        told.height > VIPS_MAX_COORD) {
      return std::unexpected(lost(SvgChildren::Why::kDied, "told of an impossible size"));
    }
    size_ = {told.width, told.height};
    return size_;
  }

  Result<VipsImagePtr> draw() override {
    IMGRING_CHECK(size_.width > 0);
    const auto pixels =
        static_cast<std::uint64_t>(size_.width) * static_cast<std::uint64_t>(size_.height);
    if (pixels > kSvgPixelBytesMax / kSvgBands) {
      return fail(ErrorCode::kResolutionTooLarge, "an SVG drawn with over 134 million pixels");
    }
    const std::size_t size_bytes = pixels * kSvgBands;
    IMGRING_TRY(const loop::Fd file, empty_memory_file(size_bytes));
    IMGRING_TRY_VOID(exchange(new_ask(SvgAskKind::kDraw), file.get()));
    if (!seal_content(file.get())) {
      return std::unexpected(lost(SvgChildren::Why::kDied, "kept hold of its pixels"));
    }
    release();
    IMGRING_TRY(Mapping mapping, Mapping::of(file.get(), size_bytes));
    return image_of(std::move(mapping), size_);
  }

 private:
  // What the job was granted, above what the child had when it was ready; one piece of its
  // allocator's addresses at least, or nothing would ever be drawn. A child that is gone shows in
  // the exchange.
  void limit_addresses() const {
    if (kSanitized) return;
    constexpr std::uint64_t kLeast = std::uint64_t{32} << 20;
    const std::uint64_t granted = std::max(in_.params.memory_bytes, kLeast);
    rlimit limit{kSvgAddressBytesMax, kSvgAddressBytesMax};
    if (in_.params.memory_bytes != 0 && granted < kSvgAddressBytesMax) {
      limit.rlim_cur = std::min<rlim_t>(child_->ready_bytes + granted, kSvgAddressBytesMax);
    }
    prlimit(child_->process.pid, RLIMIT_AS, &limit, nullptr);
  }

  SvgAsk new_ask(SvgAskKind kind) const {
    SvgAsk ask;
    ask.kind = kind;
    ask.unlimited = in_.params.unlimited ? 1 : 0;
    ask.served = in_.params.served ? 1 : 0;
    ask.cpu_seconds = static_cast<std::uint32_t>(pool_.options_.time_max.count());
    ask.source_bytes = in_.source.size();
    ask.pixels_max = in_.params.pixels_max;
    return ask;
  }

  Result<SvgTold> exchange(const SvgAsk& ask, int descriptor) {
    if (child_ == nullptr) return fail(ErrorCode::kBrokenImage, "this SVG lost its child before");
    if (!send_packet(child_->process.socket.get(), &ask, sizeof ask, descriptor)) {
      return std::unexpected(lost(SvgChildren::Why::kDied, "takes no question"));
    }
    SvgTold told;
    const Patience patience{in_.stop, end_};
    const Heard heard = hear_packet(child_->process.socket.get(), &told, sizeof told, patience);
    switch (heard) {
      case Heard::kPacket: break;
      case Heard::kEnd: return std::unexpected(lost(SvgChildren::Why::kDied, "is gone"));
      case Heard::kOther:
        return std::unexpected(lost(SvgChildren::Why::kDied, "gave an answer of another size"));
      case Heard::kStopped: {
        lost(SvgChildren::Why::kStopped, "");
        return std::unexpected(stop_error(in_.stop.reason()));
      }
      case Heard::kLate: {
        lost(SvgChildren::Why::kStopped, "");
        return fail(ErrorCode::kTimeout, "the SVG took longer than IMGPROXY_TIMEOUT");
      }
    }
    child_->most_bytes = std::max(child_->most_bytes, told.resident_bytes);
    if (told.good != 1) return std::unexpected(error_of(told));
    return told;
  }

  // The child is given up. The error for its source.
  Error lost(SvgChildren::Why why, std::string_view what) {
    const std::string how = words_of(pool_.bury(std::move(child_), why));
    if (in_.large) pool_.leave_large();
    in_.large = false;
    return Error(ErrorCode::kBrokenImage,
                 "the child that draws this SVG " + std::string(what) + ": " + how);
  }

  void release() {
    if (child_ != nullptr) {
      const SvgAsk end;
      send_packet(child_->process.socket.get(), &end, sizeof end);
      pool_.give_back(std::move(child_));
    }
    if (in_.large) pool_.leave_large();
    in_.large = false;
  }

  SvgChildren& pool_;
  SvgChildren::ChildPtr child_;
  Input in_;
  SteadyClock::time_point end_;
  bool opened_ = false;
  SvgSize size_;
};

SvgChildren::SvgChildren(SvgChildrenOptions options) : options_(std::move(options)) {
  if (!options_.start) options_.start = [] { return start_svg_process(); };
}

SvgChildren::~SvgChildren() {
  while (ChildPtr child = take_idle()) bury(std::move(child), Why::kRetired);
  IMGRING_CHECK(alive_.empty());
}

Result<std::unique_ptr<SvgDrawing>> SvgChildren::open(ByteSpan source, const SvgParams& params,
                                                      const StopFlag& stop) {
  if (source.empty()) return fail(ErrorCode::kBrokenImage, "empty source");
  if (source.size() > svg::kSvgBytesMax) return fail(ErrorCode::kBrokenSvg, "SVG: over 10 MiB");
  const bool large = source.size() >= kSvgLargeBytes;
  if (large) IMGRING_TRY_VOID(enter_large(stop));
  auto child = take(stop);
  if (!child) {
    if (large) leave_large();
    return std::unexpected(std::move(child).error());
  }
  const ChildDrawing::Input input{source, params, stop, large};
  return std::make_unique<ChildDrawing>(*this, std::move(*child), input);
}

Result<void> SvgChildren::enter_large(const StopFlag& stop) {
  constexpr std::chrono::milliseconds kLook(10);
  const auto end = SteadyClock::now() + options_.time_max;
  std::unique_lock lock(mutex_);
  while (large_drawn_) {
    if (stop.stopped()) return std::unexpected(stop_error(stop.reason()));
    if (SteadyClock::now() > end) return fail(ErrorCode::kTimeout, "large SVGs before this one");
    large_left_.wait_for(lock, kLook);
  }
  large_drawn_ = true;
  return {};
}

void SvgChildren::leave_large() {
  {
    const std::lock_guard lock(mutex_);
    large_drawn_ = false;
  }
  large_left_.notify_one();
}

SvgChildren::ChildPtr SvgChildren::take_idle() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  ChildPtr child = std::move(idle_.back());  // the last one: the others may end
  idle_.pop_back();
  child->idle.reset();
  return child;
}

Result<SvgChildren::ChildPtr> SvgChildren::take(const StopFlag& stop) {
  while (ChildPtr child = take_idle()) {
    siginfo_t state{};
    const auto id = static_cast<id_t>(child->process.pid);
    const bool asked = waitid(P_PID, id, &state, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (asked && state.si_pid == 0) return child;
    bury(std::move(child), Why::kDied);  // while it was idle: no source's fault
  }
  auto child = start_child(stop);
  if (child || child.error().code != ErrorCode::kInternal) return child;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !std::exchange(told_, true);
  }
  if (first && options_.log != nullptr) {
    options_.log->error("SVGs can't be drawn: " + child.error().detail);
  }
  return child;
}

Result<SvgChildren::ChildPtr> SvgChildren::start_child(const StopFlag& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (alive_.size() >= options_.children_max) {
      return fail(ErrorCode::kOverloaded, "every child that draws SVGs is busy");
    }
    alive_.push_back(0);  // its place
  }
  auto process = options_.start();
  auto child = std::make_unique<Child>();
  {
    const std::lock_guard lock(mutex_);
    const auto place = std::find(alive_.begin(), alive_.end(), 0);
    if (!process) {
      alive_.erase(place);
      return std::unexpected(std::move(process).error());
    }
    ++counts_.started;
    *place = process->pid;
  }
  child->process = std::move(*process);
  SvgTold told;
  const Patience patience{stop, SteadyClock::now() + options_.start_max};
  const Heard heard = hear_packet(child->process.socket.get(), &told, sizeof told, patience);
  if (heard == Heard::kPacket && told.good == 1) {
    const mem::OwnMemory ready = memory_of(child->process.pid);
    child->ready_bytes = ready.virtual_bytes;
    child->ready_anon_bytes = ready.rss_anon_bytes;
    return child;
  }
  if (heard == Heard::kStopped) {
    bury(std::move(child), Why::kStopped);
    return std::unexpected(stop_error(stop.reason()));
  }
  if (heard == Heard::kLate) {  // a busy machine, no broken one
    bury(std::move(child), Why::kStopped);
    return fail(ErrorCode::kOverloaded, "the child that draws SVGs did not start in time");
  }
  const std::string why = heard == Heard::kPacket ? detail_of(told) : "it says nothing";
  const int status = bury(std::move(child), Why::kDied);
  // Killed by somebody, as at any other moment; by itself it ends where it can't draw at all.
  const bool killed = heard == Heard::kEnd && WIFSIGNALED(status);
  const ErrorCode code = killed ? ErrorCode::kBrokenImage : ErrorCode::kInternal;
  return fail(code, "the child that draws SVGs can't start: " + why + "; it " + words_of(status));
}

// Its place among the idle ones, where the budget has one.
bool SvgChildren::grant_idle(Child& child, std::uint64_t bytes) {
  mem::Budget* budget = options_.idle_budget;
  if (budget == nullptr) return true;
  {
    const std::lock_guard lock(mutex_);
    std::uint64_t idle = bytes;
    for (const ChildPtr& other : idle_) idle += other->idle.bytes();
    if (idle > mem::idle_children_bytes_max(budget->max())) return false;
  }
  auto grant = budget->try_grant(bytes);
  if (grant) child.idle = std::move(*grant);
  return grant.has_value();
}

// It was told that its job is over, and gives back what that took meanwhile. The kernel is asked:
// nobody has to believe a child.
bool SvgChildren::may_stay(Child& child) {
  const auto end = SteadyClock::now() + kSvgSettleTime;
  if (!grant_idle(child, mem::kIdleChildBytes)) return false;
  child.idle.reset();
  for (;;) {
    const std::uint64_t anon = memory_of(child.process.pid).rss_anon_bytes;
    const bool grown = anon > child.ready_anon_bytes + kSvgGrownBytes;
    if (!grown && grant_idle(child, std::max(anon, mem::kIdleChildBytes))) return true;
    if (SteadyClock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void SvgChildren::give_back(ChildPtr child) {
  const bool worn = child->jobs >= options_.jobs_max || child->most_bytes > kSvgKeptBytes;
  if (worn || !may_stay(*child)) {
    bury(std::move(child), Why::kRetired);
    return;
  }
  child->idle_since = SteadyClock::now();
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(child));
}

int SvgChildren::bury(ChildPtr child, Why why) {
  const pid_t pid = child->process.pid;
  child->process.socket.reset();
  int status = 0;
  pid_t reaped = 0;
  // One that closed its socket may be about to say how it ended.
  constexpr int kLastWordsMs = 100;
  for (int ms = 0; why == Why::kDied && reaped == 0 && ms < kLastWordsMs; ++ms) {
    reaped = waitpid(pid, &status, WNOHANG);
    if (reaped == 0) usleep(1000);
  }
  if (reaped == 0) {
    kill(pid, SIGKILL);
    do {
      reaped = waitpid(pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
  }
  const std::lock_guard lock(mutex_);
  std::erase(alive_, pid);
  if (why == Why::kDied) ++counts_.died;
  if (why == Why::kStopped) ++counts_.stopped;
  return reaped == pid ? status : kStatusUnknown;
}

void SvgChildren::end_idle() {
  const auto before = SteadyClock::now() - options_.idle_max;
  std::vector<ChildPtr> ending;
  {
    const std::lock_guard lock(mutex_);
    for (ChildPtr& child : idle_) {
      if (child->idle_since <= before) ending.push_back(std::move(child));
    }
    std::erase(idle_, nullptr);
  }
  for (ChildPtr& child : ending) bury(std::move(child), Why::kRetired);
}

bool SvgChildren::any() const {
  const std::lock_guard lock(mutex_);
  return !alive_.empty();
}

SvgChildrenNumbers SvgChildren::numbers() const {
  const std::lock_guard lock(mutex_);
  SvgChildrenNumbers out = counts_;
  out.alive = alive_.size();
  for (const pid_t pid : alive_) {
    if (pid <= 0) continue;
    const mem::OwnMemory memory = memory_of(pid);
    out.resident_bytes += memory.rss_bytes;
    out.anon_bytes += memory.rss_anon_bytes;
  }
  return out;
}

}  // namespace imgring::image
