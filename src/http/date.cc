// HTTP dates, both ways, in UTC.
#include <ctime>

#include "imgring/http/server.h"

namespace imgring::http {

std::string http_date(std::int64_t unix_s) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = unix_s;
  std::tm tm{};
  gmtime_r(&time, &tm);
  char text[64];
  const int n = std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                              kDays[tm.tm_wday], tm.tm_mday, kMonths[tm.tm_mon], tm.tm_year + 1900,
                              tm.tm_hour, tm.tm_min, tm.tm_sec);
  return std::string(text, static_cast<std::size_t>(n));
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr const char* kForms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                    "%a %b %e %H:%M:%S %Y"};
  const std::string copy(text);
  for (const char* form : kForms) {
    std::tm tm{};
    const char* end = strptime(copy.c_str(), form, &tm);
    if (end == copy.data() + copy.size()) return timegm(&tm);
  }
  return std::nullopt;
}

}  // namespace imgring::http
