// The way from phases to histograms.
#include "imgring/service/timeline.h"

namespace imgring::service {

void count_phases(const Timeline& timeline, observe::CoreMetrics& metrics) {
  for (const Timeline::Mark& mark : timeline.marks()) {
    const auto span = facts_of(mark.phase).span;
    if (span) metrics.span(*span).observe(mark.took());
  }
}

}  // namespace imgring::service
