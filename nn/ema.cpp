#include <linnet/nn/ema.h>

#include <set>
#include <unordered_map>

#include <linnet/core/ops.h>
#include "core/fail.h"

namespace linnet::optim {
namespace {

constexpr const char* kWhere = "EMA";
constexpr const char* kInModel = "the averages are in the model; call swap() to take them out first";

}  // namespace

EMA::EMA(const nn::Module& model, const EMAOptions& options) : decay_(options.decay) {
  check(decay_ >= 0 && decay_ <= 1, kWhere, "decay is {}; it must be at least 0 and at most 1", decay_);
  for (const nn::NamedTensor& named : model.named_parameters()) {
    averages_.push_back({named.name, named.tensor, false, named.tensor.data().clone()});
  }
  check(!averages_.empty(), kWhere, "the model has no parameters; expected at least one");
  for (const nn::NamedTensor& named : model.named_buffers()) {
    averages_.push_back({named.name, named.tensor, true, named.tensor.data().clone()});
  }
}

void EMA::update() {
  check(!swapped_, kWhere, "{}", kInModel);
  for (Average& average : averages_) {
    const NDArray& now = average.of.data();
    average.value = average.value.to(now.device()).to(now.dtype());
    if (average.is_buffer || updates_ == 0) {
      average.value.copy_(now);
    } else {
      average.value.add_(now - average.value, 1 - decay_);
    }
  }
  ++updates_;
}

void EMA::swap() {
  for (Average& average : averages_) {
    NDArray before = average.of.data().clone();
    average.of.data().copy_(average.value.to(before.device()));
    average.value = std::move(before);
  }
  swapped_ = !swapped_;
}

void EMA::copy_to(nn::Module& model) const {
  check(!swapped_, kWhere, "{}", kInModel);
  std::vector<std::string> own, other;
  nn::StateDict state;
  for (const Average& average : averages_) {
    own.push_back(average.name);
    state.push_back({average.name, average.value});
  }
  for (const nn::NamedTensor& named : model.named_parameters()) other.push_back(named.name);
  for (const nn::NamedTensor& named : model.named_buffers()) other.push_back(named.name);
  check(own == other, kWhere, "the other model has {}; the averages are of {}", join(other, ", "),
        join(own, ", "));
  // Not strict: a parameter that is listed under two names has an average under the first alone.
  model.load_state_dict(state, {.strict = false});
}

nn::StateDict EMA::state() const {
  check(!swapped_, kWhere, "{}", kInModel);
  nn::StateDict state{{"updates", NDArray::scalar(updates_, DType::Int64, device("cpu"))}};
  for (const Average& average : averages_)
    state.push_back({"average." + average.name, average.value.clone()});
  return state;
}

void EMA::load_state(const nn::StateDict& state) {
  check(!swapped_, kWhere, "{}", kInModel);
  std::unordered_map<std::string, NDArray> given;
  for (const auto& [name, array] : state) {
    check(array.defined(), kWhere, "the state's \"{}\" is undefined", name);
    check(given.emplace(name, array).second, kWhere, "the state has the name \"{}\" twice", name);
  }
  const auto take = [&](const std::string& name, const Shape& shape) {
    const auto found = given.find(name);
    check(found != given.end(), kWhere, "the state has no \"{}\"", name);
    const NDArray array = found->second;
    check(array.shape() == shape, kWhere, "the state's \"{}\" is {}; expected shape {}", name, array.shape(),
          shape);
    given.erase(found);
    return array;
  };
  const auto updates = take("updates", {}).item<int64_t>();
  check(updates >= 0, kWhere, "the state's \"updates\" is {}; expected at least 0", updates);
  std::vector<Average> averages;
  for (const Average& average : averages_) {
    const NDArray& now = average.of.data();
    const NDArray value = take("average." + average.name, now.shape());
    averages.push_back(
        {average.name, average.of, average.is_buffer, value.clone().to(now.device()).to(now.dtype())});
  }
  if (!given.empty()) {
    std::set<std::string> unexpected;
    for (const auto& entry : given) unexpected.insert(entry.first);
    fail(kWhere, "the state has what the model does not: {}", join(unexpected, ", "));
  }
  updates_ = updates;
  averages_ = std::move(averages);
}

UseAverages::UseAverages(EMA& ema) : ema_(ema) {
  check(!ema.swapped(), kWhere, "{}", kInModel);
  ema_.swap();
}

UseAverages::~UseAverages() {
  if (ema_.swapped()) ema_.swap();
}

}  // namespace linnet::optim
