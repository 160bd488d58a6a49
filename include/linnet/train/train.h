// The training loop and what belongs to it.
#pragma once

#include <linnet/train/fit.h>
#include <linnet/train/history.h>
#include <linnet/train/metrics.h>
#include <linnet/train/progress.h>
#include <linnet/train/run.h>
