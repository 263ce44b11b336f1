// The option autoquality: a quality found by trying (paid.md section 7). The search itself knows no
// pictures. Values and plain functions; any thread.
#pragma once

#include <optional>

#include "imgring/base/bytes.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

struct Trial {
  int quality = 0;
  Bytes bytes;
  double value = 0;  // by the method: bytes of the file, or DSSIM
};

class TrialMaker {
 public:
  virtual ~TrialMaker() = default;
  virtual Result<Trial> make(int quality) = 0;
  // Asked before each one but the first.
  virtual bool time_for_another() = 0;
};

// Of a picture with so many pixels in this format; nullopt: there is nothing to be found.
std::optional<QualitySearch> quality_search(ImageType type, double pixels,
                                            const url::RequestOptions& options,
                                            const config::ProcessingConfig& config) noexcept;
// By halves. Size: the largest quality whose file is not above the target, else the least quality
// that was tried. DSSIM: the first within the allowed error, else the nearest of those tried.
Result<Trial> search_quality(const QualitySearch& search, TrialMaker* maker);

}  // namespace imgring::pipeline
