// The part of CUDA's interface that the stand-ins declare, as two lists that are compiled twice: against the
// stand-ins and against NVIDIA's headers. A value or a signature that differs does not compile in one of the
// two.
//   VALUE(name, value)      enumerators and macros
//   FUNCTION(name, type)    functions, by the type of their pointer
#pragma once

// clang-format off

#define CONFORMANCE_VALUES(VALUE) \
  VALUE(cudaSuccess, 0) \
  VALUE(cudaErrorInvalidValue, 1) \
  VALUE(cudaErrorMemoryAllocation, 2) \
  VALUE(cudaErrorInitializationError, 3) \
  VALUE(cudaErrorCudartUnloading, 4) \
  VALUE(cudaErrorInvalidConfiguration, 9) \
  VALUE(cudaErrorInvalidSymbol, 13) \
  VALUE(cudaErrorInvalidHostPointer, 16) \
  VALUE(cudaErrorInvalidDevicePointer, 17) \
  VALUE(cudaErrorInvalidMemcpyDirection, 21) \
  VALUE(cudaErrorStubLibrary, 34) \
  VALUE(cudaErrorInsufficientDriver, 35) \
  VALUE(cudaErrorCallRequiresNewerDriver, 36) \
  VALUE(cudaErrorDevicesUnavailable, 46) \
  VALUE(cudaErrorInvalidDeviceFunction, 98) \
  VALUE(cudaErrorNoDevice, 100) \
  VALUE(cudaErrorInvalidDevice, 101) \
  VALUE(cudaErrorStartupFailure, 127) \
  VALUE(cudaErrorInvalidKernelImage, 200) \
  VALUE(cudaErrorDeviceUninitialized, 201) \
  VALUE(cudaErrorNoKernelImageForDevice, 209) \
  VALUE(cudaErrorECCUncorrectable, 214) \
  VALUE(cudaErrorInvalidPtx, 218) \
  VALUE(cudaErrorUnsupportedPtxVersion, 222) \
  VALUE(cudaErrorOperatingSystem, 304) \
  VALUE(cudaErrorInvalidResourceHandle, 400) \
  VALUE(cudaErrorIllegalState, 401) \
  VALUE(cudaErrorSymbolNotFound, 500) \
  VALUE(cudaErrorNotReady, 600) \
  VALUE(cudaErrorIllegalAddress, 700) \
  VALUE(cudaErrorLaunchOutOfResources, 701) \
  VALUE(cudaErrorLaunchTimeout, 702) \
  VALUE(cudaErrorContextIsDestroyed, 709) \
  VALUE(cudaErrorAssert, 710) \
  VALUE(cudaErrorHardwareStackError, 714) \
  VALUE(cudaErrorIllegalInstruction, 715) \
  VALUE(cudaErrorMisalignedAddress, 716) \
  VALUE(cudaErrorInvalidAddressSpace, 717) \
  VALUE(cudaErrorInvalidPc, 718) \
  VALUE(cudaErrorLaunchFailure, 719) \
  VALUE(cudaErrorNotPermitted, 800) \
  VALUE(cudaErrorNotSupported, 801) \
  VALUE(cudaErrorSystemNotReady, 802) \
  VALUE(cudaErrorSystemDriverMismatch, 803) \
  VALUE(cudaErrorStreamCaptureUnsupported, 900) \
  VALUE(cudaErrorUnknown, 999) \
  VALUE(cudaDevAttrMaxThreadsPerBlock, 1) \
  VALUE(cudaDevAttrMaxBlockDimX, 2) \
  VALUE(cudaDevAttrMaxBlockDimY, 3) \
  VALUE(cudaDevAttrMaxBlockDimZ, 4) \
  VALUE(cudaDevAttrMaxGridDimX, 5) \
  VALUE(cudaDevAttrMaxGridDimY, 6) \
  VALUE(cudaDevAttrMaxGridDimZ, 7) \
  VALUE(cudaDevAttrMaxSharedMemoryPerBlock, 8) \
  VALUE(cudaDevAttrWarpSize, 10) \
  VALUE(cudaDevAttrMaxRegistersPerBlock, 12) \
  VALUE(cudaDevAttrMultiProcessorCount, 16) \
  VALUE(cudaDevAttrConcurrentKernels, 31) \
  VALUE(cudaDevAttrL2CacheSize, 38) \
  VALUE(cudaDevAttrMaxThreadsPerMultiProcessor, 39) \
  VALUE(cudaDevAttrAsyncEngineCount, 40) \
  VALUE(cudaDevAttrUnifiedAddressing, 41) \
  VALUE(cudaDevAttrComputeCapabilityMajor, 75) \
  VALUE(cudaDevAttrComputeCapabilityMinor, 76) \
  VALUE(cudaDevAttrMaxSharedMemoryPerMultiprocessor, 81) \
  VALUE(cudaDevAttrManagedMemory, 83) \
  VALUE(cudaDevAttrCooperativeLaunch, 95) \
  VALUE(cudaDevAttrMaxSharedMemoryPerBlockOptin, 97) \
  VALUE(cudaDevAttrMaxBlocksPerMultiprocessor, 106) \
  VALUE(cudaDevAttrMemoryPoolsSupported, 115) \
  VALUE(cudaDevAttrClusterLaunch, 120) \
  VALUE(cudaMemcpyHostToHost, 0) \
  VALUE(cudaMemcpyHostToDevice, 1) \
  VALUE(cudaMemcpyDeviceToHost, 2) \
  VALUE(cudaMemcpyDeviceToDevice, 3) \
  VALUE(cudaMemcpyDefault, 4) \
  VALUE(cudaMemoryTypeUnregistered, 0) \
  VALUE(cudaMemoryTypeHost, 1) \
  VALUE(cudaMemoryTypeDevice, 2) \
  VALUE(cudaMemoryTypeManaged, 3) \
  VALUE(cudaFuncAttributeMaxDynamicSharedMemorySize, 8) \
  VALUE(cudaFuncAttributePreferredSharedMemoryCarveout, 9) \
  VALUE(CUBLAS_STATUS_SUCCESS, 0) \
  VALUE(CUBLAS_STATUS_NOT_INITIALIZED, 1) \
  VALUE(CUBLAS_STATUS_ALLOC_FAILED, 3) \
  VALUE(CUBLAS_STATUS_INVALID_VALUE, 7) \
  VALUE(CUBLAS_STATUS_ARCH_MISMATCH, 8) \
  VALUE(CUBLAS_STATUS_MAPPING_ERROR, 11) \
  VALUE(CUBLAS_STATUS_EXECUTION_FAILED, 13) \
  VALUE(CUBLAS_STATUS_INTERNAL_ERROR, 14) \
  VALUE(CUBLAS_STATUS_NOT_SUPPORTED, 15) \
  VALUE(CUBLAS_STATUS_LICENSE_ERROR, 16) \
  VALUE(CUBLAS_OP_N, 0) \
  VALUE(CUBLAS_OP_T, 1) \
  VALUE(CUBLAS_OP_C, 2) \
  VALUE(CUBLAS_OP_CONJG, 3) \
  VALUE(CUBLAS_POINTER_MODE_HOST, 0) \
  VALUE(CUBLAS_POINTER_MODE_DEVICE, 1) \
  VALUE(CUBLAS_DEFAULT_MATH, 0) \
  VALUE(CUBLAS_TENSOR_OP_MATH, 1) \
  VALUE(CUBLAS_PEDANTIC_MATH, 2) \
  VALUE(CUBLAS_TF32_TENSOR_OP_MATH, 3) \
  VALUE(CUBLAS_GEMM_DEFAULT, -1) \
  VALUE(CUBLAS_GEMM_DEFAULT_TENSOR_OP, 99) \
  VALUE(CUBLAS_COMPUTE_32F, 68) \
  VALUE(CUBLAS_COMPUTE_32F_PEDANTIC, 69) \
  VALUE(CUBLAS_COMPUTE_64F, 70) \
  VALUE(CUBLAS_COMPUTE_64F_PEDANTIC, 71) \
  VALUE(CUBLAS_COMPUTE_32F_FAST_TF32, 77) \
  VALUE(CUDA_R_32F, 0) \
  VALUE(CUDA_R_64F, 1) \
  VALUE(CUDA_R_16F, 2) \
  VALUE(CUDA_R_16BF, 14) \
  VALUE(cudaStreamDefault, 0x00) \
  VALUE(cudaStreamNonBlocking, 0x01) \
  VALUE(cudaEventDefault, 0x00) \
  VALUE(cudaEventBlockingSync, 0x01) \
  VALUE(cudaEventDisableTiming, 0x02) \
  VALUE(cudaEventRecordDefault, 0x00) \
  VALUE(cudaEventWaitDefault, 0x00) \
  VALUE(cudaHostAllocDefault, 0x00) \
  VALUE(cudaHostAllocPortable, 0x01) \
  VALUE(cudaHostAllocMapped, 0x02) \
  VALUE(cudaHostAllocWriteCombined, 0x04) 

#define CONFORMANCE_FUNCTIONS(FUNCTION) \
  FUNCTION(cudaGetErrorName, const char* (*)(cudaError_t)) \
  FUNCTION(cudaGetErrorString, const char* (*)(cudaError_t)) \
  FUNCTION(cudaGetLastError, cudaError_t (*)()) \
  FUNCTION(cudaPeekAtLastError, cudaError_t (*)()) \
  FUNCTION(cudaGetDeviceCount, cudaError_t (*)(int*)) \
  FUNCTION(cudaSetDevice, cudaError_t (*)(int)) \
  FUNCTION(cudaGetDevice, cudaError_t (*)(int*)) \
  FUNCTION(cudaGetDeviceProperties, cudaError_t (*)(cudaDeviceProp*, int)) \
  FUNCTION(cudaDeviceGetAttribute, cudaError_t (*)(int*, cudaDeviceAttr, int)) \
  FUNCTION(cudaDriverGetVersion, cudaError_t (*)(int*)) \
  FUNCTION(cudaRuntimeGetVersion, cudaError_t (*)(int*)) \
  FUNCTION(cudaDeviceSynchronize, cudaError_t (*)()) \
  FUNCTION(cudaStreamCreate, cudaError_t (*)(cudaStream_t*)) \
  FUNCTION(cudaStreamCreateWithFlags, cudaError_t (*)(cudaStream_t*, unsigned int)) \
  FUNCTION(cudaStreamDestroy, cudaError_t (*)(cudaStream_t)) \
  FUNCTION(cudaStreamSynchronize, cudaError_t (*)(cudaStream_t)) \
  FUNCTION(cudaStreamWaitEvent, cudaError_t (*)(cudaStream_t, cudaEvent_t, unsigned int)) \
  FUNCTION(cudaStreamQuery, cudaError_t (*)(cudaStream_t)) \
  FUNCTION(cudaLaunchHostFunc, cudaError_t (*)(cudaStream_t, cudaHostFn_t, void*)) \
  FUNCTION(cudaEventCreate, cudaError_t (*)(cudaEvent_t*)) \
  FUNCTION(cudaEventCreateWithFlags, cudaError_t (*)(cudaEvent_t*, unsigned int)) \
  FUNCTION(cudaEventRecord, cudaError_t (*)(cudaEvent_t, cudaStream_t)) \
  FUNCTION(cudaEventSynchronize, cudaError_t (*)(cudaEvent_t)) \
  FUNCTION(cudaEventQuery, cudaError_t (*)(cudaEvent_t)) \
  FUNCTION(cudaEventElapsedTime, cudaError_t (*)(float*, cudaEvent_t, cudaEvent_t)) \
  FUNCTION(cudaEventDestroy, cudaError_t (*)(cudaEvent_t)) \
  FUNCTION(cudaMalloc, cudaError_t (*)(void**, std::size_t)) \
  FUNCTION(cudaFree, cudaError_t (*)(void*)) \
  FUNCTION(cudaHostAlloc, cudaError_t (*)(void**, std::size_t, unsigned int)) \
  FUNCTION(cudaMallocHost, cudaError_t (*)(void**, std::size_t)) \
  FUNCTION(cudaFreeHost, cudaError_t (*)(void*)) \
  FUNCTION(cudaMemcpy, cudaError_t (*)(void*, const void*, std::size_t, cudaMemcpyKind)) \
  FUNCTION(cudaMemcpyAsync, cudaError_t (*)(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t)) \
  FUNCTION(cudaMemset, cudaError_t (*)(void*, int, std::size_t)) \
  FUNCTION(cudaMemsetAsync, cudaError_t (*)(void*, int, std::size_t, cudaStream_t)) \
  FUNCTION(cudaMemGetInfo, cudaError_t (*)(std::size_t*, std::size_t*)) \
  FUNCTION(cudaPointerGetAttributes, cudaError_t (*)(cudaPointerAttributes*, const void*)) \
  FUNCTION(cudaFuncGetAttributes, cudaError_t (*)(cudaFuncAttributes*, const void*)) \
  FUNCTION(cudaFuncSetAttribute, cudaError_t (*)(const void*, cudaFuncAttribute, int)) \
  FUNCTION(cublasCreate, cublasStatus_t (*)(cublasHandle_t*)) \
  FUNCTION(cublasDestroy, cublasStatus_t (*)(cublasHandle_t)) \
  FUNCTION(cublasGetVersion, cublasStatus_t (*)(cublasHandle_t, int*)) \
  FUNCTION(cublasSetStream, cublasStatus_t (*)(cublasHandle_t, cudaStream_t)) \
  FUNCTION(cublasGetStream, cublasStatus_t (*)(cublasHandle_t, cudaStream_t*)) \
  FUNCTION(cublasSetMathMode, cublasStatus_t (*)(cublasHandle_t, cublasMath_t)) \
  FUNCTION(cublasGetMathMode, cublasStatus_t (*)(cublasHandle_t, cublasMath_t*)) \
  FUNCTION(cublasSetPointerMode, cublasStatus_t (*)(cublasHandle_t, cublasPointerMode_t)) \
  FUNCTION(cublasSetWorkspace, cublasStatus_t (*)(cublasHandle_t, void*, std::size_t)) \
  FUNCTION(cublasGetStatusName, const char* (*)(cublasStatus_t)) \
  FUNCTION(cublasGetStatusString, const char* (*)(cublasStatus_t)) \
  FUNCTION(cublasSgemm, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const float*, const float*, int, const float*, int, const float*, float*, int)) \
  FUNCTION(cublasSgemmStridedBatched, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const float*, const float*, int, long long, const float*, int, long long, const float*, float*, int, long long, int)) \
  FUNCTION(cublasDgemm, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const double*, const double*, int, const double*, int, const double*, double*, int)) \
  FUNCTION(cublasDgemmStridedBatched, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const double*, const double*, int, long long, const double*, int, long long, const double*, double*, int, long long, int)) \
  FUNCTION(cublasGemmEx, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void*, const void*, cudaDataType, int, const void*, cudaDataType, int, const void*, void*, cudaDataType, int, cublasComputeType_t, cublasGemmAlgo_t)) \
  FUNCTION(cublasGemmStridedBatchedEx, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void*, const void*, cudaDataType, int, long long, const void*, cudaDataType, int, long long, const void*, void*, cudaDataType, int, long long, int, cublasComputeType_t, cublasGemmAlgo_t)) \
  FUNCTION(cublasSgemm_64, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const float*, const float*, std::int64_t, const float*, std::int64_t, const float*, float*, std::int64_t)) \
  FUNCTION(cublasSgemmStridedBatched_64, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const float*, const float*, std::int64_t, long long, const float*, std::int64_t, long long, const float*, float*, std::int64_t, long long, std::int64_t)) \
  FUNCTION(cublasDgemm_64, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const double*, const double*, std::int64_t, const double*, std::int64_t, const double*, double*, std::int64_t)) \
  FUNCTION(cublasDgemmStridedBatched_64, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const double*, const double*, std::int64_t, long long, const double*, std::int64_t, long long, const double*, double*, std::int64_t, long long, std::int64_t)) \
  FUNCTION(cublasGemmEx_64, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const void*, const void*, cudaDataType, std::int64_t, const void*, cudaDataType, std::int64_t, const void*, void*, cudaDataType, std::int64_t, cublasComputeType_t, cublasGemmAlgo_t)) \
  FUNCTION(cublasGemmStridedBatchedEx_64, cublasStatus_t (*)(cublasHandle_t, cublasOperation_t, cublasOperation_t, std::int64_t, std::int64_t, std::int64_t, const void*, const void*, cudaDataType, std::int64_t, long long, const void*, cudaDataType, std::int64_t, long long, const void*, void*, cudaDataType, std::int64_t, long long, std::int64_t, cublasComputeType_t, cublasGemmAlgo_t))
// clang-format on
