// What the SVG sanitiser knows by name: elements, attributes and namespaces that cannot act.
// Everything not named here goes. Any thread, immutable.
#pragma once

#include <string_view>

namespace imgring::svg {

// Local names, exact case.
bool is_svg_element(std::string_view local) noexcept;
// Plain text markup inside foreignObject.
bool is_text_element(std::string_view local) noexcept;
bool is_svg_attribute(std::string_view local) noexcept;
// Of these, the ones that may lead somewhere by url().
bool is_address_attribute(std::string_view local) noexcept;
// Namespaces of drawing programs and of metadata: inert in every browser.
bool is_inert_namespace(std::string_view uri) noexcept;

}  // namespace imgring::svg
