// The table of error codes: status, public text and metric type (urls.md section 10).
// Immutable, any thread.
#include "imgring/base/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace imgring {
namespace {

constexpr std::string_view kSignatureSentence =
    "The signature appears to be a processing option. The signature section should always be "
    "present in the URL.";

// In the order of ErrorCode. Metric types are those of imgproxy's errors_total:
// path_parsing security queue download processing timeout image_data_size IO streaming unexpected.
constexpr auto kFacts = std::to_array<ErrorFacts>({
    {404, " ", "path_parsing"},                               // kNotFound
    {403, "Forbidden", "security"},                           // kForbidden
    {403, kSignatureSentence, "security"},                    // kSignatureIsOption
    {403, "Invalid URL", "security"},                         // kSecurityOption
    {404, "Invalid URL", "path_parsing"},                     // kInvalidUrl
    {404, "Invalid source URL", "security"},                  // kInvalidSourceUrl
    {404, "Source is unreachable", "download"},               // kSourceUnreachable
    {504, "Source is unreachable", "timeout"},                // kSourceTimeout
    {499, "Source is unreachable", "timeout"},                // kSourceCancelled
    {422, "Source response is incomplete", "download"},       // kSourceIncomplete
    {422, "Invalid source image", "image_data_size"},         // kSourceTooLarge
    {422, "Invalid source image", "processing"},              // kUnknownType
    {422, "Failed to detect source image type", "download"},  // kTypeReadFailed
    {422, "Source image hashsum mismatch", "security"},       // kHashsumMismatch
    {422, "Invalid source image", "security"},                // kResolutionTooLarge
    {422, "Broken or unsupported image", "processing"},       // kBrokenImage
    {422, "Broken or unsupported SVG image", "processing"},   // kBrokenSvg
    {422, "Invalid URL", "processing"},                       // kSourceUnsupported
    {422, "Invalid URL", "path_parsing"},                     // kResultUnsupported
    {422, "Invalid URL", "processing"},                       // kResultTooLarge
    {429, "Too many requests", "queue"},                      // kTooManyRequests
    {503, "Timeout", "timeout"},                              // kTimeout
    {503, "Server is overloaded", "queue"},                   // kOverloaded
    {499, "Cancelled", "timeout"},                            // kCancelled
    {500, "Internal error", "unexpected"},                    // kInternal
});
static_assert(kFacts.size() == static_cast<std::size_t>(ErrorCode::kInternal) + 1);

}  // namespace

const ErrorFacts& facts_of(ErrorCode code) noexcept {
  return kFacts[static_cast<std::size_t>(code)];
}

bool is_shortage(int positive_errno) noexcept {
  constexpr int kShortages[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN, ENOSPC, EUSERS};
  return std::find(std::begin(kShortages), std::end(kShortages), positive_errno) !=
         std::end(kShortages);
}

}  // namespace imgring
