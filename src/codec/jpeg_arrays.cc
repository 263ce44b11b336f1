// "Virtual array" in libjpeg's jpeglib.h and structure.txt, whose memory manager's methods a
// program may replace. Everything is in memory, so that "access" is an address.
#include "imgring/codec/jpeg_arrays.h"

#include <algorithm>
#include <cstring>

#include <jerror.h>

// libjpeg's name for a type that only its memory manager knows.
struct jvirt_barray_control {
  JBLOCKARRAY rows;
  JDIMENSION blocks_across, row_count, access_max;
  JDIMENSION defined;  // rows that were written, or cleared for a reader
  jvirt_barray_control* next;
};

namespace imgring::codec {
namespace {

JpegArrays* arrays_of(j_common_ptr info) noexcept {
  return static_cast<JpegArrays*>(info->client_data);
}

std::size_t row_bytes(const jvirt_barray_control& array) noexcept {
  return std::size_t{array.blocks_across} * sizeof(JBLOCK);
}

// All of them are cleared before their first use, whether libjpeg asks for it or not.
jvirt_barray_ptr request(j_common_ptr info, int pool, boolean, JDIMENSION blocks_across,
                         JDIMENSION row_count, JDIMENSION access_max) {
  if (pool != JPOOL_IMAGE) ERREXIT1(info, JERR_BAD_POOL_ID, pool);
  void* room = info->mem->alloc_small(info, pool, sizeof(jvirt_barray_control));
  auto* array = static_cast<jvirt_barray_control*>(room);
  JpegArrays* arrays = arrays_of(info);
  *array = {nullptr, blocks_across, row_count, access_max, 0, arrays->asked};
  arrays->asked = array;
  return array;
}

void set_rows(j_common_ptr info, jvirt_barray_control* array, std::byte* memory) {
  const std::size_t pointers = std::size_t{array->row_count} * sizeof(JBLOCKROW);
  array->rows = static_cast<JBLOCKARRAY>(info->mem->alloc_large(info, JPOOL_IMAGE, pointers));
  for (JDIMENSION y = 0; y < array->row_count; ++y) {
    array->rows[y] = reinterpret_cast<JBLOCKROW>(memory + y * row_bytes(*array));
  }
}

void realize(j_common_ptr info) {
  JpegArrays* arrays = arrays_of(info);
  std::size_t sum = 0;
  for (const auto* array = arrays->asked; array != nullptr; array = array->next) {
    sum += row_bytes(*array) * array->row_count;
  }
  std::byte* memory = nullptr;
  if (sum >= arrays->take_bytes_min && sum > 0) {
    memory = static_cast<std::byte*>(arrays->take(arrays, sum));
    if (memory == nullptr) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
  }
  for (auto* array = arrays->asked; array != nullptr; array = array->next) {
    if (memory == nullptr) {
      array->rows =
          info->mem->alloc_barray(info, JPOOL_IMAGE, array->blocks_across, array->row_count);
    } else {
      set_rows(info, array, memory);
      memory += row_bytes(*array) * array->row_count;
    }
  }
  arrays->asked = nullptr;
  arrays->realize_rest(info);
}

JBLOCKARRAY access(j_common_ptr info, jvirt_barray_ptr array, JDIMENSION start, JDIMENSION count,
                   boolean writable) {
  const JDIMENSION end = start + count;
  if (array->rows == nullptr || count > array->access_max || end > array->row_count) {
    ERREXIT(info, JERR_BAD_VIRTUAL_ACCESS);
  }
  if (array->defined < end) {
    for (JDIMENSION y = std::max(start, array->defined); y < end; ++y) {
      std::memset(array->rows[y], 0, row_bytes(*array));
    }
    // A writer leaves no gap, and what a reader is shown is cleared again for the writer.
    if (writable) array->defined = end;
  }
  return array->rows + start;
}

}  // namespace

void use_own_arrays(jpeg_decompress_struct* jpeg, JpegArrays* arrays) noexcept {
  jpeg_memory_mgr* memory = jpeg->mem;
  arrays->realize_rest = memory->realize_virt_arrays;
  memory->request_virt_barray = request;
  memory->realize_virt_arrays = realize;
  memory->access_virt_barray = access;
}

}  // namespace imgring::codec
