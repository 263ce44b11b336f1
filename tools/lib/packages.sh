# Libraries whose headers imgring includes, for tools/setup and tools/cross-arm64.
libraries=(
  liburing-dev libvips-dev libheif-dev libdeflate-dev libmimalloc-dev libssl-dev libc-ares-dev
  zlib1g-dev libexpat1-dev libexif-dev libfontconfig-dev libjpeg62-turbo-dev libpng-dev libwebp-dev
  libdav1d-dev libde265-dev
  libhwy-dev libseccomp-dev libfmt-dev libgtest-dev
)
