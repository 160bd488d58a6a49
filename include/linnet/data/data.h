// All of linnet's data sets, files and loaders.
#pragma once

#include <linnet/data/cifar.h>
#include <linnet/data/dataset.h>
#include <linnet/data/digits.h>
#include <linnet/data/idx.h>
#include <linnet/data/image.h>
#include <linnet/data/image_folder.h>
#include <linnet/data/loader.h>
#include <linnet/data/mnist.h>
#include <linnet/data/transforms.h>
