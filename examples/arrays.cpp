// Arrays and views: im2col is two lines, and a matrix in tiles is one.
#include <linnet/linnet.h>

#include <iostream>

using namespace linnet;

int main() {
  NDArray a = NDArray::arange(36).reshape({6, 6});
  std::cout << a << "\n\n";

  NDArray windows = a.as_strided({4, 4, 3, 3}, {6, 1, 6, 1});  // a view: no copy, bounds checked
  NDArray columns = windows.contiguous().reshape({16, 9});     // now it is im2col
  NDArray filter = NDArray::arange(9).reshape({9, 1});
  std::cout << "a convolution as a matrix product:\n" << matmul(columns, filter).reshape({4, 4}) << "\n\n";
  std::cout << "and as a convolution:\n"
            << conv2d(a.reshape({1, 1, 6, 6}), filter.reshape({1, 1, 3, 3})).squeeze() << "\n\n";

  NDArray tiles = a.as_strided({3, 3, 2, 2}, {12, 2, 6, 1});  // a matrix in 2x2 tiles
  std::cout << "strides " << tiles.strides() << ", memory " << tiles.storage().slice(0, 0, 8) << '\n';
  std::cout << "made contiguous, memory " << tiles.contiguous().storage().slice(0, 0, 8) << "\n\n";

  NDArray b = a.permute({1, 0}).slice(0, 1, 6, 2);  // rows 1, 3, 5 of the transpose
  std::cout << b << '\n';
}
