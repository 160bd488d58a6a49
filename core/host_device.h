// Marks functions that also run inside device kernels. Such code uses no exceptions, no allocation and no
// library but <cmath>.
#pragma once

#if defined(__CUDACC__)
#define LINNET_HOST_DEVICE __host__ __device__
#else
#define LINNET_HOST_DEVICE
#endif
