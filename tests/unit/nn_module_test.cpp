// Module: what fields() lists and what follows from it (names, state dict, loading, moving, errors).
#include <gtest/gtest.h>

#include <linnet/autograd/ops.h>
#include <linnet/core/error.h>
#include <linnet/nn/layers.h>
#include <linnet/nn/models.h>
#include <linnet/nn/module.h>
#include <linnet/nn/sequential.h>

#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

Tensor leaf(std::initializer_list<float> values) {
  return nn::parameter(NDArray::from_data(values, {static_cast<int64_t>(values.size())}), "a test's leaf");
}

// Lists its members in an order that is not the state dict's.
struct Mixed : nn::Module {
  nn::Linear child{2, 3};
  Tensor scale = leaf({1, 2});
  Tensor count = Tensor(NDArray::scalar(7, DType::Int64));
  Tensor shift = leaf({3, 4});

  void fields(nn::Fields& f) override {
    f("child", child).buffer("count", count)("scale", scale)("shift", shift);
  }
  Tensor forward(const Tensor& x) const override { return child(x * scale + shift); }
};

struct Nested : nn::Module {
  Mixed mixed;
  nn::Linear head{3, 1};
  void fields(nn::Fields& f) override { f("mixed", mixed)("head", head); }
  Tensor forward(const Tensor& x) const override { return head(mixed(x)); }
};

std::vector<std::string> names_of(const nn::StateDict& state) {
  std::vector<std::string> names;
  for (const auto& named : state) names.push_back(named.name);
  return names;
}

static_assert(!std::is_copy_constructible_v<Mixed> && !std::is_copy_assignable_v<Mixed>);
static_assert(std::is_move_constructible_v<Mixed> && std::is_move_assignable_v<Mixed>);

TEST(Module, StateDictHasOwnParametersThenBuffersThenChildren) {
  const Nested model;
  EXPECT_EQ(names_of(model.state_dict()),
            (std::vector<std::string>{"mixed.scale", "mixed.shift", "mixed.count", "mixed.child.weight",
                                      "mixed.child.bias", "head.weight", "head.bias"}));
}

TEST(Module, NamesParametersBuffersChildrenAndModules) {
  const Nested model;
  std::vector<std::string> parameters;
  for (const auto& named : model.named_parameters()) parameters.push_back(named.name);
  EXPECT_EQ(parameters, (std::vector<std::string>{"mixed.scale", "mixed.shift", "mixed.child.weight",
                                                  "mixed.child.bias", "head.weight", "head.bias"}));
  ASSERT_EQ(model.named_buffers().size(), 1U);
  EXPECT_EQ(model.named_buffers()[0].name, "mixed.count");
  ASSERT_EQ(model.children().size(), 2U);
  EXPECT_EQ(model.children()[1].first, "head");
  EXPECT_EQ(model.children()[1].second, &model.head);
  std::vector<std::string> paths;
  for (const auto& [path, module] : model.modules()) paths.push_back(path);
  EXPECT_EQ(paths, (std::vector<std::string>{"", "mixed", "mixed.child", "head"}));
  EXPECT_EQ(model.parameter_count(), 2 + 2 + 6 + 3 + 3 + 1);
}

TEST(Module, CountsASharedParameterOnce) {
  struct Tied : nn::Module {
    nn::Linear a{2, 2};
    Tied() { b.weight = a.weight; }
    nn::Linear b{2, 2};
    void fields(nn::Fields& f) override { f("a", a)("b", b); }
  };
  const Tied model;
  EXPECT_EQ(model.parameters().size(), 3U);
  EXPECT_EQ(model.parameter_count(), 4 + 2 + 2);
  EXPECT_EQ(model.state_dict().size(), 4U);
}

TEST(Module, RefusesNamesThatNameNothing) {
  struct Named : nn::Module {
    std::string first, second;
    Tensor a = leaf({1}), b = leaf({2});
    void fields(nn::Fields& f) override { f(first, a).buffer(second, b); }
  };
  Named model;
  model.first = "weight";
  model.second = "weight";
  EXPECT_ERROR(model.parameters(), "[fields] Named lists the name \"weight\" twice");
  model.second = "";
  EXPECT_ERROR(model.state_dict(), "[fields] Named lists a member with an empty name");
  model.second = "a.b";
  EXPECT_ERROR(model.modules(), "[fields] Named lists the name \"a.b\"; dots separate");
}

TEST(Module, RefusesToContainItself) {
  struct Loop : nn::Module {
    void fields(nn::Fields& f) override { f("self", *this); }
    Tensor forward(const Tensor& x) const override { return x; }
  };
  const Loop model;
  EXPECT_ERROR(model.parameters(), "[fields] Loop contains itself, as its child \"self\"");
  EXPECT_ERROR(model(Tensor(NDArray::ones({1}))), "[fields] Loop contains itself, as its child \"self\"");
}

TEST(Module, LoadsValuesInPlaceAndConvertsTheirDtype) {
  Nested model;
  const NDArray before = model.mixed.scale.data();
  nn::StateDict state;
  for (const auto& [name, array] : model.state_dict()) {
    state.push_back({name, NDArray::full(array.shape(), 2, DType::Float64)});
  }
  model.load_state_dict(state);
  EXPECT_TRUE(model.mixed.scale.data().shares_storage(before));
  EXPECT_EQ(model.mixed.scale.to_vector<float>(), (std::vector<float>{2, 2}));
  EXPECT_EQ(model.mixed.count.dtype(), DType::Int64);
  EXPECT_EQ(model.mixed.count.item<int64_t>(), 2);
}

TEST(Module, OneErrorNamesAllThatDoesNotFitAndNothingChanges) {
  Mixed model;
  const std::vector<float> before = model.scale.to_vector<float>();
  const nn::StateDict state{{"scale", NDArray::zeros({2})},
                            {"shift", NDArray::zeros({3})},
                            {"child.bias", NDArray::zeros({3})},
                            {"old.weight", NDArray::zeros({1})}};
  EXPECT_ERROR(
      model.load_state_dict(state),
      "[load_state_dict] the state does not fit Mixed; missing: count (), child.weight (3, 2) [old.weight?]; "
      "unexpected: old.weight (1,); shapes differ: shift is (2,) and the state has (3,)");
  EXPECT_EQ(model.scale.to_vector<float>(), before);
  EXPECT_ERROR(
      model.load_state_dict(state, {.strict = false}),
      "[load_state_dict] the state does not fit Mixed; shapes differ: shift is (2,) and the state has (3,)");
  EXPECT_EQ(model.scale.to_vector<float>(), before);
}

TEST(Module, LoadsByPrefixAndUnderOtherNames) {
  const Mixed from;
  nn::StateDict state;
  for (const auto& [name, array] : from.state_dict()) {
    state.push_back({"model." + (name == "scale"   ? "gamma"
                                 : name == "shift" ? "inner.shift"
                                                   : name),
                     NDArray::full(array.shape(), 7, array.dtype())});
  }
  state.push_back({"optimizer.lr", NDArray::zeros({})});
  Mixed model;
  model.load_state_dict(state, {.prefix = "model.", .rename = {{"gamma", "scale"}, {"inner.", ""}}});
  for (const auto& [name, array] : model.state_dict()) {
    EXPECT_EQ(array.to(DType::Float32).to_vector<float>(),
              std::vector<float>(static_cast<size_t>(array.numel()), 7))
        << name;
  }

  EXPECT_ERROR(model.load_state_dict(state, {.prefix = "net."}),
               "no name of the state begins with \"net.\"; the first is \"model.");
  EXPECT_ERROR(model.load_state_dict(state, {.prefix = "model.", .rename = {{"gamma", "count"}}}),
               "of the state both become \"count\"");
  EXPECT_ERROR(model.load_state_dict(state, {.prefix = "model.", .rename = {{"inner.", ""}}}),
               "missing: scale (2,)");
}

TEST(Module, SaysBehindWhichPrefixTheNamesAre) {
  Mixed model;
  nn::StateDict state;
  for (const auto& [name, array] : model.state_dict()) state.push_back({"module." + name, array});
  EXPECT_ERROR(model.load_state_dict(state), "[module.scale?]");
  EXPECT_ERROR(model.load_state_dict(state),
               "every missing name is there behind \"module.\": load with the prefix \"module.\"");
  state.pop_back();
  try {
    model.load_state_dict(state);
    ADD_FAILURE() << "a name is missing";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("behind"), std::string::npos) << error.what();
  }
}

TEST(Module, NearestNamesAreOfTheSameShapeWhereThereIsOne) {
  nn::Linear model(3, 2);
  EXPECT_ERROR(model.load_state_dict({{"weights", NDArray::zeros({5})},
                                      {"weight_orig", NDArray::zeros({2, 3})},
                                      {"bias", NDArray::zeros({2})}}),
               "missing: weight (2, 3) [weight_orig?]; unexpected: weights (5,), weight_orig (2, 3)");
  EXPECT_ERROR(model.load_state_dict({{"zzzzzzzz", NDArray::zeros({2, 3})}, {"bias", NDArray::zeros({2})}}),
               "missing: weight (2, 3); unexpected: zzzzzzzz (2, 3)");
  nn::StateDict many{{"weight", NDArray::zeros({2, 3})}, {"bias", NDArray::zeros({2})}};
  for (int i = 0; i < 50; ++i) many.push_back({"more" + std::to_string(i), NDArray::zeros({1})});
  EXPECT_ERROR(model.load_state_dict(many), "more39 (1,), and 10 more");
}

TEST(Module, LoadsPartsWhereNotStrict) {
  Mixed model;
  model.load_state_dict({{"scale", NDArray::zeros({2})}, {"more", NDArray::zeros({2})}}, {.strict = false});
  EXPECT_EQ(model.scale.to_vector<float>(), (std::vector<float>{0, 0}));
  EXPECT_EQ(model.shift.to_vector<float>(), (std::vector<float>{3, 4}));
}

TEST(Module, RefusesStatesWithANameTwiceOrAnUndefinedArray) {
  Mixed model;
  EXPECT_ERROR(model.load_state_dict({{"scale", NDArray::zeros({2})}, {"scale", NDArray::zeros({2})}}),
               "[load_state_dict] the state has the name \"scale\" twice");
  EXPECT_ERROR(model.load_state_dict({{"scale", NDArray()}}),
               "[load_state_dict] the state's \"scale\" is undefined");
}

TEST(Module, SaysWhichModuleRaisedAnError) {
  const nn::SimpleCNN model;
  const Tensor rgb = NDArray::zeros({1, 3, 28, 28});
  EXPECT_ERROR(model(rgb), "[conv2d] ");
  EXPECT_ERROR(model(rgb), " (in conv1: Conv2d(1, 32, kernel=2x2, stride=2x2) of SimpleCNN)");

  struct Outer : nn::Module {
    nn::Sequential features{nn::Sequential{nn::Flatten(), nn::Linear(5, 1)}, nn::ReLU()};
    void fields(nn::Fields& f) override { f("features", features); }
    Tensor forward(const Tensor& x) const override { return features(x); }
  };
  const Outer outer;
  try {
    outer(Tensor(NDArray::zeros({2, 3})));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.module_path(), "features.0.1");
    EXPECT_NE(std::string(error.what()).find("(in features.0.1: Linear(5, 1) of Outer)"), std::string::npos)
        << error.what();
  }
}

TEST(Module, AnErrorOfTheModelItselfNamesTheModel) {
  struct Own : nn::Module {
    Tensor forward(const Tensor& x) const override { return x.reshape({7}); }
  };
  EXPECT_ERROR(Own()(Tensor(NDArray::zeros({2}))), " (in Own)");
}

TEST(Module, AnErrorOfAModuleThatNoFieldsListsNamesThatModule) {
  struct Hidden : nn::Module {
    nn::Linear inner{5, 1};
    Tensor forward(const Tensor& x) const override { return inner(x); }
  };
  EXPECT_ERROR(Hidden()(Tensor(NDArray::zeros({2, 3}))), " (in Linear(5, 1))");
}

TEST(Module, WithoutForwardForOneInputItSaysSo) {
  struct Pair : nn::Module {
    using Module::forward;
    Tensor forward(const Tensor& a, const Tensor& b) const { return a + b; }
  };
  EXPECT_ERROR(Pair()(Tensor(NDArray::zeros({2}))),
               "[forward] Pair has no forward for one input, here of shape (2,)");
}

TEST(Module, AParameterThatNoFieldsListsIsAnErrorInBackward) {
  struct ForgetsParameter : nn::Module {
    Tensor scale = nn::parameter(NDArray::ones({2}), "scale of ForgetsParameter");
    nn::Linear child{2, 1};
    void fields(nn::Fields& f) override { f("child", child); }
    Tensor forward(const Tensor& x) const override { return child(x * scale); }
  };
  const ForgetsParameter first;
  EXPECT_ERROR(sum(first(Tensor(NDArray::ones({1, 2})))).backward(), "scale of ForgetsParameter");

  struct ForgetsChild : nn::Module {
    nn::Linear known{2, 2};
    nn::Linear forgotten{2, 1};
    void fields(nn::Fields& f) override { f("known", known); }
    Tensor forward(const Tensor& x) const override { return forgotten(known(x)); }
  };
  const ForgetsChild second;
  EXPECT_ERROR(sum(second(Tensor(NDArray::ones({1, 2})))).backward(), "of Linear(2, 1)");
}

TEST(Module, ListedParametersPassBackward) {
  Nested model;
  sum(model(Tensor(NDArray::ones({1, 2})))).backward();
  for (const auto& named : model.named_parameters()) EXPECT_TRUE(named.tensor.grad().defined()) << named.name;
  model.zero_grad();
  for (const auto& named : model.named_parameters())
    EXPECT_FALSE(named.tensor.grad().defined()) << named.name;
}

TEST(Module, AChildPutInLaterIsListedToo) {
  Nested model;
  const Tensor x = NDArray::ones({1, 2});
  sum(model(x)).backward();
  model.head = nn::Linear(3, 2);
  sum(model(x)).backward();
  EXPECT_TRUE(model.head.weight.grad().defined());
}

TEST(Module, ToDtypeKeepsIdentityAndConvertsGradients) {
  Nested model;
  const std::vector<Tensor> before = model.parameters();
  sum(model(Tensor(NDArray::ones({1, 2})))).backward();
  model.to(DType::Float64);
  for (const Tensor& parameter : before) {
    EXPECT_EQ(parameter.dtype(), DType::Float64);
    EXPECT_EQ(parameter.grad().dtype(), DType::Float64);
    EXPECT_TRUE(parameter.requires_grad());
  }
  EXPECT_EQ(model.mixed.count.dtype(), DType::Int64);
  EXPECT_EQ(model(Tensor(NDArray::ones({1, 2}, DType::Float64))).dtype(), DType::Float64);
  EXPECT_ERROR(model.to(DType::Int32), "[to] parameters cannot become int32");
}

TEST(Module, ToDeviceMovesParametersBuffersAndGradients) {
  Nested model;
  sum(model(Tensor(NDArray::ones({1, 2})))).backward();
  const Tensor weight = model.head.weight;
  model.to(device("meta"));
  EXPECT_EQ(weight.device().name(), "meta");
  EXPECT_EQ(weight.grad().device().name(), "meta");
  EXPECT_EQ(model.mixed.count.device().name(), "meta");
  EXPECT_EQ(model(Tensor(NDArray::ones({4, 2}, DType::Float32, device("meta")))).shape(), (Shape{4, 1}));
  EXPECT_ERROR(model.to(Device()), "[to] the device is undefined");
}

TEST(Module, ToMemoryOrderChangesOnlyFourDimensions) {
  nn::SimpleCNN model;
  const std::vector<float> before = model.conv2.weight.to_vector<float>();
  model.to(MemoryOrder::ChannelsLast);
  EXPECT_TRUE(model.conv2.weight.data().is_channels_last());
  EXPECT_TRUE(model.fc1.weight.data().is_contiguous());
  EXPECT_EQ(model.conv2.weight.to_vector<float>(), before);
}

TEST(Module, TrainAndEvalReachAllModules) {
  Nested model;
  EXPECT_TRUE(model.is_training());
  model.eval();
  EXPECT_FALSE(model.is_training());
  EXPECT_FALSE(model.mixed.child.is_training());
  model.mixed.train();
  EXPECT_TRUE(model.mixed.child.is_training());
  EXPECT_FALSE(model.head.is_training());
}

}  // namespace
}  // namespace linnet
