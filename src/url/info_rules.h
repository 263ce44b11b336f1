// Options and presets of the info endpoint (info.md section 2): a table and presets of their own,
// in the grammar of processing options. Immutable after build, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/config/config.h"
#include "imgring/url/info_options.h"
#include "imgring/url/request.h"
#include "info_table.h"
#include "written.h"

namespace imgring::url {

class InfoRules {
 public:
  // Every problem of a preset; warnings: of skipped recursions, and of what is left out.
  void build(const config::UrlConfig& config, std::vector<std::string>& problems,
             std::vector<std::string>& warnings);
  // The preset `default` and the options of a path into a request; the number of parts before the
  // source.
  Result<std::size_t> apply(const Parts& parts, std::int64_t now_unix_s,
                            ProcessingRequest& request) const;

 private:
  struct Run;
  Result<void> apply_one(const Written& written, Run& run) const;
  Result<void> apply_all(const std::vector<Written>& options, Run& run) const;
  Result<void> apply_presets(const Parts& names, Run& run) const;
  Result<void> leave_out(const InfoRow& row, Run& run, Result<void> refusal) const;
  Result<void> check_allowed(const Written& written) const;

  config::UrlConfig url_;
  Presets presets_;
};

}  // namespace imgring::url
