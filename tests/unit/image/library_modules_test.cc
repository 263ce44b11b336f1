// Of libvips' modules only those whose formats we serve are in the process.
#include "../../../src/image/library_modules.h"

#include <gtest/gtest.h>
#include <vips/vips.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace imgring::image {
namespace {

// Before libvips starts.
const bool operators_own = std::getenv("VIPSHOME") != nullptr;

std::string mapped_files() {
  std::ifstream file("/proc/self/maps");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string libvips_of(const std::string& maps) {
  const std::size_t name = maps.find("/libvips.so");
  if (name == std::string::npos) return "";
  const std::size_t start = maps.rfind(' ', name) + 1;
  return maps.substr(start, maps.find('\n', name) - start);
}

TEST(LibraryModules, OnlyThoseThatWeServeAreLoaded) {
  const std::string maps = mapped_files();
  const std::string folder = modules_folder(libvips_of(maps));
  if (folder.empty()) GTEST_SKIP() << "this libvips has no modules";
  if (operators_own) GTEST_SKIP() << "VIPSHOME says which are loaded";
  for (const char* name : {"vips-magick", "vips-openslide", "vips-poppler"}) {
    EXPECT_EQ(maps.find(name), std::string::npos) << name;
  }
  for (const char* name : {"vips-heif.so", "vips-jxl.so"}) {
    if (!std::filesystem::exists(folder + "/" + name)) continue;
    EXPECT_NE(maps.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(std::getenv("VIPSHOME"), nullptr);
}

TEST(LibraryModules, ALibraryWithoutAFolderHasNone) {
  EXPECT_EQ(modules_folder("/proc/self/libvips.so.42"), "");
}

// Where the way to libvips is not known, nothing is taken from where the program was started.
TEST(LibraryModules, NoneAreTakenFromTheWorkingDirectory) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "modules-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const fs::path before = fs::current_path();
  fs::create_directory(pattern + "/vips-modules-" + std::to_string(vips_version(0)) + "." +
                       std::to_string(vips_version(1)));
  fs::current_path(pattern);
  EXPECT_EQ(modules_folder(""), "");
  EXPECT_EQ(modules_folder("libvips.so.42"), "");
  EXPECT_NE(modules_folder(pattern + "/libvips.so.42"), "");
  fs::current_path(before);
  fs::remove_all(pattern);
}

// As libvips itself does it: an operator who has modules elsewhere says where.
TEST(LibraryModulesHeldBack, WhatTheOperatorSetStays) {
  const char* set = std::getenv("VIPSHOME");
  const std::string before = set != nullptr ? set : "";
  setenv("VIPSHOME", "/opt/vips", 1);
  {
    const ModulesHeldBack modules;
  }
  const char* after = std::getenv("VIPSHOME");
  EXPECT_STREQ(after, "/opt/vips");
  before.empty() ? unsetenv("VIPSHOME") : setenv("VIPSHOME", before.c_str(), 1);
}

}  // namespace
}  // namespace imgring::image
