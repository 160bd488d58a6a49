// The version of linnet, in semantic versioning. The build reads it from here.
#pragma once

#define LINNET_VERSION_MAJOR 0
#define LINNET_VERSION_MINOR 1
#define LINNET_VERSION_PATCH 0
