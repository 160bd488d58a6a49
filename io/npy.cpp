#include <linnet/io/npy.h>

#include "core/fail.h"
#include "io/atomic_file.h"
#include "io/mapped_file.h"
#include "io/npy_bytes.h"
#include "io/stored_array.h"

namespace linnet {
namespace {

constexpr const char* kWhere = "npy";

}  // namespace

NDArray load_npy(const std::filesystem::path& path) {
  const MappedFile mapped(path, kWhere);
  NDArray array = parse_npy(mapped.bytes(), mapped.name());
  mapped.check_unchanged();
  return array;
}

void save_npy(const NDArray& array, const std::filesystem::path& path) {
  check(array.defined(), kWhere, "{}: the array is undefined; expected one with elements", path.string());
  const NDArray dense = as_stored(array);
  const std::string header = npy_header(dense.dtype(), dense.shape());
  AtomicFile out(path, kWhere);
  out.write(header.data(), header.size());
  out.write(element_bytes(dense).data(), byte_count(dense));
  out.commit();
}

}  // namespace linnet
