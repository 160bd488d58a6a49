// All of linnet.
#pragma once

#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>
#include <linnet/autograd/tensor.h>
#include <linnet/core/conv2d.h>
#include <linnet/core/device.h>
#include <linnet/core/dims.h>
#include <linnet/core/dtype.h>
#include <linnet/core/error.h>
#include <linnet/core/ndarray.h>
#include <linnet/core/ops.h>
#include <linnet/core/random.h>
#include <linnet/core/scalar.h>
#include <linnet/core/version.h>
#include <linnet/cpu/threads.h>
#include <linnet/data/data.h>
#include <linnet/io/safetensors.h>
#include <linnet/io/save.h>
#include <linnet/nn/init.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/module.h>
#include <linnet/nn/optim.h>
#include <linnet/nn/sequential.h>
#include <linnet/nn/summary.h>
#include <linnet/train/train.h>
