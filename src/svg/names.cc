// Sorted tables, searched by halves; their order is checked when compiled.
#include "names.h"

#include <algorithm>
#include <array>

namespace imgring::svg {
namespace {

// clang-format off: several names a line
constexpr auto kElements = std::to_array<std::string_view>({
    "a", "animate", "animateColor", "animateMotion", "animateTransform", "circle", "clipPath",
    "cursor", "defs", "desc", "discard", "ellipse", "feBlend", "feColorMatrix",
    "feComponentTransfer", "feComposite", "feConvolveMatrix", "feDiffuseLighting",
    "feDisplacementMap", "feDistantLight", "feDropShadow", "feFlood", "feFuncA", "feFuncB",
    "feFuncG", "feFuncR", "feGaussianBlur", "feImage", "feMerge", "feMergeNode", "feMorphology",
    "feOffset", "fePointLight", "feSpecularLighting", "feSpotLight", "feTile", "feTurbulence",
    "filter", "font", "font-face", "font-face-format", "font-face-name", "font-face-src",
    "font-face-uri", "foreignObject", "g", "glyph", "glyphRef", "hatch", "hatchpath", "hkern",
    "image", "line", "linearGradient", "marker", "mask", "mesh", "meshgradient", "meshpatch",
    "meshrow", "metadata", "missing-glyph", "mpath", "path", "pattern", "polygon", "polyline",
    "radialGradient", "rect", "set", "solidcolor", "stop", "style", "svg", "switch", "symbol",
    "text", "textPath", "title", "tref", "tspan", "use", "view", "vkern",
});

constexpr auto kTextElements = std::to_array<std::string_view>({
    "abbr", "acronym", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote",
    "body", "br", "button", "caption", "center", "cite", "code", "col", "colgroup", "data", "dd",
    "del", "details", "dfn", "dir", "div", "dl", "dt", "em", "fieldset", "figcaption", "figure",
    "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html",
    "i", "ins", "kbd", "label", "legend", "li", "main", "mark", "menu", "nav", "nobr", "ol",
    "output", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span",
    "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "time", "tr", "tt", "u", "ul", "var", "wbr",
});

constexpr auto kAttributes = std::to_array<std::string_view>({
    "about", "accent-height", "accumulate", "additive", "align", "alignment-baseline", "alphabetic",
    "amplitude", "arabic-form", "ascent", "attributeName", "attributeType", "azimuth",
    "background-color", "baseFrequency", "baseProfile", "baseline-shift", "bbox", "begin", "bias",
    "border", "by", "calcMode", "cap-height", "cellpadding", "cellspacing", "class", "clip",
    "clip-path", "clip-rule", "clipPathUnits", "color", "color-interpolation",
    "color-interpolation-filters", "color-profile", "color-rendering", "cols", "colspan",
    "contentStyleType", "crossorigin", "cursor", "cx", "cy", "d", "datatype", "datetime", "descent",
    "diffuseConstant", "dir", "direction", "display", "divisor", "dominant-baseline", "download",
    "dur", "dx", "dy", "edgeMode", "elevation", "enable-background", "end", "exponent",
    "externalResourcesRequired", "fill", "fill-opacity", "fill-rule", "filter", "filterRes",
    "filterUnits", "flood-color", "flood-opacity", "focusable", "font", "font-family",
    "font-feature-settings", "font-kerning", "font-size", "font-size-adjust", "font-stretch",
    "font-style", "font-variant", "font-variant-ligatures", "font-weight", "format", "fr", "from",
    "fx", "fy", "g1", "g2", "glyph-name", "glyph-orientation-horizontal",
    "glyph-orientation-vertical", "glyphRef", "gradientTransform", "gradientUnits", "hanging",
    "height", "horiz-adv-x", "horiz-origin-x", "horiz-origin-y", "href", "hreflang", "id",
    "ideographic", "image-rendering", "in", "in2", "inline-size", "intercept", "isolation", "k",
    "k1", "k2", "k3", "k4", "kernelMatrix", "kernelUnitLength", "kerning", "keyPoints",
    "keySplines", "keyTimes", "lang", "lengthAdjust", "letter-spacing", "lighting-color",
    "limitingConeAngle", "line-height", "local", "marker", "marker-end", "marker-mid",
    "marker-start", "markerHeight", "markerUnits", "markerWidth", "mask", "mask-clip",
    "mask-composite", "mask-mode", "mask-origin", "mask-position", "mask-repeat", "mask-size",
    "mask-type", "maskContentUnits", "maskUnits", "mathematical", "max", "media", "method", "min",
    "mix-blend-mode", "mode", "name", "numOctaves", "offset", "opacity", "operator", "order",
    "orient", "orientation", "origin", "overflow", "overline-position", "overline-thickness",
    "paint-order", "panose-1", "path", "pathLength", "patternContentUnits", "patternTransform",
    "patternUnits", "pointer-events", "points", "pointsAtX", "pointsAtY", "pointsAtZ",
    "preserveAlpha", "preserveAspectRatio", "primitiveUnits", "property", "r", "radius", "refX",
    "refY", "rel", "rendering-intent", "repeatCount", "repeatDur", "requiredExtensions",
    "requiredFeatures", "requiredFonts", "requiredFormats", "resource", "restart", "result", "rev",
    "role", "rotate", "rows", "rowspan", "rx", "ry", "scale", "scope", "seed",
    "shape-image-threshold", "shape-inside", "shape-margin", "shape-padding", "shape-rendering",
    "shape-subtract", "side", "slope", "snapshotTime", "solid-color", "solid-opacity", "spacing",
    "span", "specularConstant", "specularExponent", "spreadMethod", "start", "startOffset",
    "stdDeviation", "stemh", "stemv", "stitchTiles", "stop-color", "stop-opacity",
    "strikethrough-position", "strikethrough-thickness", "string", "stroke", "stroke-alignment",
    "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-opacity", "stroke-width", "style", "summary", "surfaceScale",
    "syncBehavior", "syncBehaviorDefault", "syncMaster", "syncTolerance", "syncToleranceDefault",
    "systemLanguage", "tabindex", "tableValues", "target", "targetX", "targetY", "text-align",
    "text-align-all", "text-align-last", "text-anchor", "text-decoration", "text-decoration-color",
    "text-decoration-line", "text-decoration-style", "text-indent", "text-orientation",
    "text-overflow", "text-rendering", "text-shadow", "text-transform", "textLength",
    "timelineBegin", "title", "to", "transform", "transform-box", "transform-origin",
    "transform-style", "type", "typeof", "u1", "u2", "underline-position", "underline-thickness",
    "unicode", "unicode-bidi", "unicode-range", "units-per-em", "v-alphabetic", "v-hanging",
    "v-ideographic", "v-mathematical", "valign", "value", "values", "vector-effect", "version",
    "vert-adv-y", "vert-origin-x", "vert-origin-y", "viewBox", "viewTarget", "visibility",
    "white-space", "width", "widths", "word-spacing", "writing-mode", "x", "x-height", "x1", "x2",
    "xChannelSelector", "y", "y1", "y2", "yChannelSelector", "z", "zoomAndPan",
});

// Those of SVG whose value may be url().
constexpr auto kAddressAttributes = std::to_array<std::string_view>({
    "clip-path", "color-profile", "cursor", "fill", "filter", "marker", "marker-end", "marker-mid",
    "marker-start", "mask", "stroke",
});

static_assert(std::is_sorted(kAddressAttributes.begin(), kAddressAttributes.end()));
static_assert(std::is_sorted(kElements.begin(), kElements.end()));
static_assert(std::is_sorted(kTextElements.begin(), kTextElements.end()));
static_assert(std::is_sorted(kAttributes.begin(), kAttributes.end()));

// Beginnings of namespace names.
constexpr auto kInertNamespaces = std::to_array<std::string_view>({
    "http://creativecommons.org/ns#", "http://ns.adobe.com/", "http://purl.org/dc/",
    "http://sodipodi.sourceforge.net/", "http://vectornator.io", "http://web.resource.org/cc/",
    "http://www.bohemiancoding.com/sketch/", "http://www.figma.com/", "http://www.inkscape.org/",
    "http://www.openswatchbook.org/", "http://www.serif.com/",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "https://boxy-svg.com",
});
// clang-format on

template <std::size_t N>
bool known(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  return std::binary_search(names.begin(), names.end(), name);
}

}  // namespace

bool is_svg_element(std::string_view local) noexcept { return known(kElements, local); }
bool is_text_element(std::string_view local) noexcept { return known(kTextElements, local); }
bool is_svg_attribute(std::string_view local) noexcept {
  if (local.starts_with("data-") || local.starts_with("aria-")) return true;
  return known(kAttributes, local);
}
bool is_address_attribute(std::string_view local) noexcept {
  return known(kAddressAttributes, local);
}
bool is_inert_namespace(std::string_view uri) noexcept {
  return std::any_of(kInertNamespaces.begin(), kInertNamespaces.end(),
                     [uri](std::string_view start) { return uri.starts_with(start); });
}

}  // namespace imgring::svg
