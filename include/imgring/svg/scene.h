// What of an SVG is drawn, and what that costs: a tree of its elements with what they refer to.
// A limit counts what costs: pixels times primitives that run, text that is laid out, markers that
// are drawn; nothing for what stands in the file and is not drawn. Estimates are low: a file that
// is drawn in time is not refused, and what takes longer still meets the child's limits.
// Values; owned by one check.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/svg/parser.h"

namespace imgring::svg {

// Seconds of CPU with librsvg 2.54 on two cores of 2026. A drawing is refused when it would take
// longer than the time that it has: 11 s if nothing is set. Beside each what a file just above that
// took without the limit, by `svg_bench draw 1000 FILE` (tests/bench) with the files of
// `tests/hostile/svg_costly.py DIR 11`, on two cores that others used too: seconds of CPU and MB.
// SvgLimits.JustBelowIsDrawnAndJustAboveIsRefused has a file of each.
struct SvgCosts {
  // 16 KiB in one run of text: 3.1 s, 8 KiB: 0.64 s, 64 KiB: over 60 s. A thousand runs of 64
  // bytes: 0.44 s. Just above: 31 622 letters in a run 77 s, 263 MB (letters.svg); 174 000 runs of
  // ten 24 s, 876 MB (runs.svg).
  static constexpr double kLetter = 6e-6, kLetterSquared = 1.1e-8;
  // 200 000 on one path: 0.45 s and 105 MB. Just above: 1.8 million 29 s, 434 MB (markers.svg).
  static constexpr double kMarker = 2e-6;
  // 500 000 rectangles of 25 pixels by <use>: 1.6 s and 45 MB. Just above: 5.4 million 9.6 s,
  // 222 MB (uses.svg).
  static constexpr double kElement = 2e-6;
  // For each pixel. A megapixel with numOctaves="100": 3.5 s, with order="20": 1.4 s, with a radius
  // of 10 and any above: 2.2 s, displaced: 0.7 s, with any other: 0.02 to 0.12 s. 53 to 70 MB.
  // Just above: 315 octaves 11.7 s, 58 MB (octaves.svg); nine kernels of 20 x 20 14.4 s, 58 MB
  // (kernels.svg); five radii of 10 12.5 s, 57 MB (radius.svg); 16 displacements 9.4 s, 66 MB
  // (displacements.svg); 551 blurs 38 s, 74 MB (primitives.svg).
  static constexpr double kPrimitive = 2e-8, kOctave = 3.5e-8, kKernelCell = 3.2e-9;
  static constexpr double kRadiusCell = 5e-9, kDisplacement = 7e-7;
  // 4000 rules on 5000 elements: 0.64 s and 57 MB. Just above: 7333 on 50 000 10.2 s, 192 MB
  // (rules.svg).
  static constexpr double kRuleOnElement = 3e-8;
};
// The largest kernel that librsvg 2.54 reads; order="21" ends the process at once (SIGABRT, 40 MB),
// whether it runs or not.
inline constexpr double kSvgKernelCellsMax = 400;
// 2 million end the process at once (SIGABRT: Pango counts 1024ths in 32 bits, and librsvg takes an
// overflow for a fault of its own); a million is drawn in 0.01 s and 41 MB, at any width.
inline constexpr double kSvgFontSizeMax = 1'000'000;

struct SvgCanvas {
  double width = 0, height = 0;  // pixels
};

class SvgScene {
 public:
  SvgScene();
  void begin(const SvgTag& tag);
  void end();
  void text(std::string_view text);
  // The element that is open holds a picture. `refused`: why it is not to be drawn, or empty.
  void picture(std::int64_t pixels, double seconds, const std::string& refused);

  // Of reading the document: rules of style tried on elements.
  double loading_seconds() const noexcept;
  // Of the largest feConvolveMatrix.
  double kernel_cells() const noexcept { return kernel_cells_; }
  struct Drawn {
    double seconds = 0;
    std::int64_t picture_pixels = 0;  // of pictures inside, each once
    std::string refused;              // what would end the rasteriser, or a picture's limit
  };
  // Once, when all was read.
  Drawn draw(const SvgCanvas& canvas);

 private:
  // A word of the file, by its place in words_; 0: none.
  using Word = std::uint32_t;
  struct Style {
    Word display = 0, filter = 0, marker_start = 0, marker_mid = 0, marker_end = 0;
  };
  struct Node {
    int parent = -1, first_inside = -1, last_inside = -1, next = -1;
    Word name = 0, id = 0, classes = 0, link = 0;
    Style style;
    double run = 0;             // letters of the text that goes on
    bool after_space = false;   // in it
    bool keeps_spaces = false;  // xml:space, its own or of those around
    double text_seconds = 0;
    double vertices = 0, font_size = 0;
    double width = -1, height = -1;  // -1: not given, or in units that are not followed
    double primitive_seconds = 0;    // of a filter's primitive, for each pixel
    double box_area = 0;             // of viewBox
    double scale = 1;                // of areas, by its own transform
    bool in_user_space = false;      // a filter's region
    double filter_each = -1;         // of all its primitives, for each pixel; -1: not added up yet
    std::int64_t picture_pixels = 0;
    double picture_seconds = 0;
    Word picture_refused = 0;
    // Of draw(): with all that is inside.
    double seconds = -1;  // whatever the scale
    int filters = -1;     // in filters_: what filters take at each scale; -1: there are none
    bool entered = false;
  };
  // Seconds of filters at scales of areas that are four times each other (scene_walk.cc).
  static constexpr std::size_t kScales = 20;
  using AtScales = std::array<double, kScales>;
  class Walk;

  Word word(std::string_view text);
  void read_attribute(const SvgAttribute& a, Node* node);
  void read_declarations(std::string_view css, Style* style);
  void read_declaration(std::string_view name, std::string_view value, Style* style);
  void read_sheet();
  static void lay_over(const Style& from, Style* to) noexcept;
  void apply_rule(std::string_view selector, Style* style) const;
  void apply_sheet(Node* node) const;
  void end_run(Node* node);

  std::map<std::string, Word, std::less<>> known_;
  std::vector<std::string_view> words_;
  std::vector<Node> nodes_;
  std::vector<AtScales> filters_;
  std::vector<int> open_;
  std::map<Word, int> ids_;
  std::string sheet_;
  std::map<std::string, Style, std::less<>> rules_;  // by ".class", "#id" and name
  std::size_t selectors_ = 0;
  double kernel_cells_ = 0;
};

}  // namespace imgring::svg
