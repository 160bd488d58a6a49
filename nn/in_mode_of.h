// Copies of layers without parameters: made anew with the options, in the mode of the first. Private to nn.
#pragma once

namespace linnet::nn {

template <class Layer>
Layer in_mode_of(const Layer& layer, Layer copy) {
  copy.train(layer.is_training());
  return copy;
}

}  // namespace linnet::nn
