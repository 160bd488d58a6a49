// Losses against PyTorch's values (torch 2.15, float64), and what they refuse.
#include <gtest/gtest.h>
#include <linnet/autograd/autograd.h>
#include <linnet/autograd/ops.h>

#include <cmath>

#include "core/shapes_only.h"
#include "tests/unit/expect_error.h"

namespace linnet {
namespace {

using autograd::grad;
using Values = std::vector<double>;

Tensor doubles(const Values& values, const Shape& shape) {
  return NDArray::from_data(values, shape);
}
Tensor ints(const std::vector<int64_t>& values, const Shape& shape) {
  return NDArray::from_data(values, shape);
}

Tensor logits() {
  return doubles({0.5, -1, 2, 1.5, 0.25, -0.75, -2, 3, 1, 0, 0.5, -0.5}, {4, 3}).requires_grad_();
}
Tensor labels() {
  return ints({2, 0, -100, 1}, {4});
}
Tensor probabilities() {
  return doubles({0.2, 0.3, 0.5, 1, 0, 0, 0.25, 0.25, 0.5, 0.1, 0.8, 0.1}, {4, 3});
}
Tensor weight() {
  return doubles({0.5, 2, 1.25}, {3});
}

void expect_near(const Tensor& got, const Values& expected) {
  const Values values = got.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-13) << "element " << i;
}

struct Case {
  bool probabilities;
  Reduction reduction;
  bool weighted;
  double smoothing;
  Values loss;
  Values gradient;  // by the logits, of the sum of the loss
};
const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      {false,
       Reduction::Mean,
       false,
       0.0,
       {0.417417858902039},
       {0.0584301307133456, 0.0130375244235625, -0.071467655136908, -0.0938532196163117, 0.0686122013325505,
        0.0252410182837612, 0, 0, 0, 0.102398628572833, -0.164506536314782, 0.0621079077419492}},
      {true,
       Reduction::Mean,
       false,
       0.0,
       {1.24627470260842},
       {-0.00617740196499083, -0.0652218566823281, 0.071399258647319, -0.0703899147122338, 0.0514591509994129,
        0.0189307637128209, -0.0610250623995243, 0.156400148765772, -0.0953750863662476, 0.0517989714296246,
        -0.0733799022360865, 0.0215809308064619}},
      {false,
       Reduction::Mean,
       false,
       0.1,
       {0.522973414457594},
       {0.0473190196022344, 0.00192641331245137, -0.0492454329146858, -0.0716309973940894, 0.0575010902214394,
        0.0141299071726501, 0, 0, 0, 0.0912875174617217, -0.14228431409256, 0.0509967966308381}},
      {true,
       Reduction::Mean,
       false,
       0.1,
       {1.29377470260842},
       {-0.00951073529832416, -0.0660551900156615, 0.0755659253139856, -0.0537232480455671,
        0.0431258176660796, 0.0105974303794875, -0.0631083957328576, 0.154316815432439, -0.0912084196995809,
        0.0459656380962913, -0.0617132355694198, 0.0157475974731286}},
      {false,
       Reduction::Mean,
       true,
       0.0,
       {0.487337271148941},
       {0.0584301307133456, 0.0130375244235625, -0.071467655136908, -0.0375412878465247, 0.0274448805330202,
        0.0100964073135045, 0, 0, 0, 0.163837805716532, -0.263210458103651, 0.0993726523871187}},
      {true,
       Reduction::Mean,
       true,
       0.0,
       {1.45840224508072},
       {0.0330649423963872, -0.137043960104085, 0.103979017707698, -0.0351949573561169, 0.0257295754997064,
        0.00946538185641044, -0.0294063279994054, 0.148625185957215, -0.119218857957809, 0.123818174287584,
        -0.175249326469054, 0.0514311521814699}},
      {false,
       Reduction::Mean,
       true,
       0.1,
       {0.600900885479806},
       {0.0539856862689011, -0.00474025335421529, -0.0492454329146858, -0.0142835921346145,
        0.0137838348351955, 0.000499757299419026, 0, 0, 0, 0.153249443557718, -0.237784510369209,
        0.0845350668114906}},
      {true,
       Reduction::Mean,
       true,
       0.1,
       {1.5105338583987},
       {0.0310696062444579, -0.138783962845634, 0.107714356601176, -0.0133908676262011, 0.0129223451579957,
        0.000468522468205338, -0.0304479946660721, 0.144458519290548, -0.114010524624476, 0.116869561620862,
        -0.158563548268326, 0.0416939866474639}},
      {false,
       Reduction::Sum,
       false,
       0.0,
       {1.25225357670612},
       {0.175290392140037, 0.0391125732706874, -0.214402965410724, -0.281559658848935, 0.205836603997652,
        0.0757230548512835, 0, 0, 0, 0.307195885718498, -0.493519608944346, 0.186323723225848}},
      {true,
       Reduction::Sum,
       false,
       0.0,
       {4.98509881043369},
       {-0.0247096078599633, -0.260887426729313, 0.285597034589276, -0.281559658848935, 0.205836603997652,
        0.0757230548512835, -0.244100249598097, 0.625600595063088, -0.38150034546499, 0.207195885718498,
        -0.293519608944346, 0.0863237232258476}},
      {false,
       Reduction::Sum,
       false,
       0.1,
       {1.56892024337278},
       {0.141957058806703, 0.00577923993735412, -0.147736298744057, -0.214892992182268, 0.172503270664318,
        0.0423897215179502, 0, 0, 0, 0.273862552385165, -0.426852942277679, 0.152990389892514}},
      {true,
       Reduction::Sum,
       false,
       0.1,
       {5.17509881043369},
       {-0.0380429411932967, -0.264220760062646, 0.302263701255943, -0.214892992182268, 0.172503270664318,
        0.0423897215179502, -0.252433582931431, 0.617267261729755, -0.364833678798324, 0.183862552385165,
        -0.246852942277679, 0.0629903898925142}},
      {false,
       Reduction::Sum,
       true,
       0.0,
       {1.82751476680853},
       {0.219112990175046, 0.0488907165883593, -0.268003706763405, -0.140779829424468, 0.102918301998826,
        0.0378615274256418, 0, 0, 0, 0.614391771436997, -0.987039217888692, 0.372647446451695}},
      {true,
       Reduction::Sum,
       true,
       0.0,
       {5.83360898032289},
       {0.132259769585549, -0.548175840416339, 0.415916070830791, -0.140779829424468, 0.102918301998826,
        0.0378615274256418, -0.117625311997622, 0.59450074382886, -0.476875431831238, 0.495272697150335,
        -0.700997305876214, 0.205724608725879}},
      {false,
       Reduction::Sum,
       true,
       0.1,
       {2.25337832054927},
       {0.202446323508379, -0.0177759500783074, -0.184670373430072, -0.0535634705048044, 0.051689380631983,
        0.00187408987282135, 0, 0, 0, 0.574685413341443, -0.891691913884533, 0.31700650054309}},
      {true,
       Reduction::Sum,
       true,
       0.1,
       {6.04213543359482},
       {0.124278424977832, -0.555135851382536, 0.430857426404704, -0.0535634705048044, 0.051689380631983,
        0.00187408987282135, -0.121791978664288, 0.577834077162193, -0.456042098497905, 0.467478246483447,
        -0.634254193073303, 0.166775946589856}},
      {false,
       Reduction::None,
       false,
       0.0,
       {0.241311296657157, 0.330672609407224, 0, 0.680269670641735},
       {0.175290392140037, 0.0391125732706874, -0.214402965410724, -0.281559658848935, 0.205836603997652,
        0.0757230548512835, 0, 0, 0, 0.307195885718498, -0.493519608944346, 0.186323723225848}},
      {true,
       Reduction::None,
       false,
       0.0,
       {1.44131129665716, 0.330672609407224, 2.38284523372758, 0.830269670641735},
       {-0.0247096078599633, -0.260887426729313, 0.285597034589276, -0.281559658848935, 0.205836603997652,
        0.0757230548512835, -0.244100249598097, 0.625600595063088, -0.38150034546499, 0.207195885718498,
        -0.293519608944346, 0.0863237232258476}},
      {false,
       Reduction::None,
       false,
       0.1,
       {0.391311296657157, 0.447339276073891, 0, 0.730269670641735},
       {0.141957058806703, 0.00577923993735412, -0.147736298744057, -0.214892992182268, 0.172503270664318,
        0.0423897215179502, 0, 0, 0, 0.273862552385165, -0.426852942277679, 0.152990389892514}},
      {true,
       Reduction::None,
       false,
       0.1,
       {1.47131129665716, 0.447339276073891, 2.39117856706091, 0.865269670641735},
       {-0.0380429411932967, -0.264220760062646, 0.302263701255943, -0.214892992182268, 0.172503270664318,
        0.0423897215179502, -0.252433582931431, 0.617267261729755, -0.364833678798324, 0.183862552385165,
        -0.246852942277679, 0.0629903898925142}},
      {false,
       Reduction::None,
       true,
       0.0,
       {0.301639120821446, 0.165336304703612, 0, 1.36053934128347},
       {0.219112990175046, 0.0488907165883593, -0.268003706763405, -0.140779829424468, 0.102918301998826,
        0.0378615274256418, 0, 0, 0, 0.614391771436997, -0.987039217888692, 0.372647446451695}},
      {true,
       Reduction::None,
       true,
       0.0,
       {2.26973746807073, 0.165336304703612, 2.04105654215947, 1.35747866538908},
       {0.132259769585549, -0.548175840416339, 0.415916070830791, -0.140779829424468, 0.102918301998826,
        0.0378615274256418, -0.117625311997622, 0.59450074382886, -0.476875431831238, 0.495272697150335,
        -0.700997305876214, 0.205724608725879}},
      {false,
       Reduction::None,
       true,
       0.1,
       {0.526639120821446, 0.367220083742487, 0, 1.35951911598534},
       {0.202446323508379, -0.0177759500783074, -0.184670373430072, -0.0535634705048044, 0.051689380631983,
        0.00187408987282135, 0, 0, 0, 0.574685413341443, -0.891691913884533, 0.31700650054309}},
      {true,
       Reduction::None,
       true,
       0.1,
       {2.2979276333458, 0.367220083742487, 2.02022320882614, 1.35676450768039},
       {0.124278424977832, -0.555135851382536, 0.430857426404704, -0.0535634705048044, 0.051689380631983,
        0.00187408987282135, -0.121791978664288, 0.577834077162193, -0.456042098497905, 0.467478246483447,
        -0.634254193073303, 0.166775946589856}},
  };
  return table;
}

TEST(CrossEntropy, IsPyTorchs) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(testing::Message() << "probabilities " << c.probabilities << ", reduction "
                                    << static_cast<int>(c.reduction) << ", weighted " << c.weighted
                                    << ", smoothing " << c.smoothing);
    const Tensor x = logits();
    CrossEntropyOptions options;
    if (c.weighted) options.weight = weight();
    options.reduction = c.reduction;
    options.label_smoothing = c.smoothing;
    const Tensor loss = cross_entropy(x, c.probabilities ? probabilities() : labels(), options);
    EXPECT_EQ(loss.shape(), c.reduction == Reduction::None ? Shape{4} : Shape{});
    expect_near(loss, c.loss);
    expect_near(grad(sum(loss), {x})[0], c.gradient);
    const Tensor recorded = grad(sum(cross_entropy(x, c.probabilities ? probabilities() : labels(), options)),
                                 {x}, {.create_graph = true})[0];
    expect_near(recorded, c.gradient);
  }
}

TEST(CrossEntropy, OfManyPositions) {
  Values values(24);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i) * 0.37);
  const Tensor x = doubles(values, {2, 3, 4}).requires_grad_();
  const Tensor loss = cross_entropy(x, ints({0, 1, 2, 1, 2, 2, 0, 1}, {2, 4}), {.ignore_index = 1});
  expect_near(loss, {1.36942741736749});
  expect_near(grad(loss, {x})[0], {-0.15922560677735,  0,
                                   0.0823037697742488, 0,
                                   0.110380679259687,  0,
                                   0.0930088335004471, 0,
                                   0.0488449275176631, 0,
                                   -0.175312603274696, 0,
                                   0.0215701097505479, 0.0180963277053546,
                                   -0.181651816544104, 0,
                                   0.0396141318335921, 0.0492920837101168,
                                   0.0647244329942839, 0,
                                   -0.06118424158414,  -0.0673884114154713,
                                   0.11692738354982,   0});
}

TEST(CrossEntropy, HasTheBitsOfLogSoftmaxAndGather) {
  std::vector<float> numbers(7 * 300 * 2);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = 40 * std::sin(float(i * i));
  const Tensor x = NDArray::from_data(numbers, {7, 300, 2}), w = NDArray::full({7, 2}, 0.7F);
  const Tensor target = ints({0, 299, 5, 17, 3, 100, 299, 1, 2, 77, 150, 256, 255, 0}, {7, 2});
  const Tensor fused = x.detach().requires_grad_(), composed = x.detach().requires_grad_();
  const Tensor loss = cross_entropy(fused, target, {.reduction = Reduction::None});
  const Tensor expected = -gather(log_softmax(composed, 1), 1, target.data().expand_dims(1)).squeeze(1);
  sum(loss * w).backward();
  sum(expected * w).backward();
  EXPECT_EQ(loss.to_vector<float>(), expected.to_vector<float>());
  EXPECT_EQ(fused.grad().to_vector<float>(), composed.grad().to_vector<float>());
}

TEST(CrossEntropy, OfOnePosition) {
  const Tensor x = doubles({0.5, -1, 2}, {3}).requires_grad_();
  const Tensor loss = cross_entropy(x, ints({1}, {}));
  expect_near(loss, {3.24131129665716});
  expect_near(grad(loss, {x})[0], {0.175290392140037, -0.960887426729313, 0.785597034589276});
  expect_near(cross_entropy(x, doubles({0, 1, 0}, {3})), {3.24131129665716});
}

TEST(CrossEntropy, ByTheProbabilities) {
  const Tensor p = probabilities().requires_grad_();
  const Tensor loss = cross_entropy(logits().detach(), p, {.weight = weight(), .label_smoothing = 0.1});
  expect_near(grad(loss, {p})[0],
              {0.19589752087393, 1.45859008349572, 0.0678688021848254, 0.0372006685583127, 0.711302674233251,
               0.725814171395782, 0.577445088794352, 0.0597803551774089, 0.599862721985881, 0.132780337947195,
               0.306121351788781, 0.472575844867988});
}

TEST(CrossEntropy, OfNothing) {
  const Tensor ignored = ints({-100, -100, -100, -100}, {4});
  EXPECT_TRUE(std::isnan(cross_entropy(logits(), ignored).item<double>()));
  EXPECT_TRUE(std::isnan(cross_entropy(logits(), ignored, {.label_smoothing = 0.1}).item<double>()));
  EXPECT_EQ(cross_entropy(logits(), ignored, {.reduction = Reduction::Sum}).item<double>(), 0);
  const Tensor none = doubles({}, {0, 3});
  EXPECT_TRUE(std::isnan(cross_entropy(none, ints({}, {0})).item<double>()));
  EXPECT_EQ(cross_entropy(none, ints({}, {0}), {.reduction = Reduction::Sum}).item<double>(), 0);
}

TEST(CrossEntropy, StaysFiniteForExtremeLogits) {
  const Tensor x = doubles({1000, 0, -1000, 0}, {2, 2}).requires_grad_();
  const Tensor loss = cross_entropy(x, ints({1, 0}, {2}));
  expect_near(loss, {1000});
  expect_near(grad(loss, {x})[0], {0.5, -0.5, -0.5, 0.5});
  const Tensor cut = doubles({0, -INFINITY}, {1, 2});  // the ignored label's score counts for nothing
  EXPECT_EQ(
      cross_entropy(cut, ints({1}, {1}), {.ignore_index = 1, .reduction = Reduction::Sum}).item<double>(), 0);
}

TEST(CrossEntropy, TakesLabelsOnTrustWhereOnlyShapesCount) {
  const Tensor x = logits(), target = labels(), factors = weight();
  const ShapesOnly guard;
  const CrossEntropyOptions options = {
      .weight = factors, .reduction = Reduction::None, .label_smoothing = 0.1};
  EXPECT_EQ(cross_entropy(x, target, options).shape(), Shape{4});
  EXPECT_EQ(cross_entropy(x * 2, target).shape(), Shape{});
}

TEST(CrossEntropy, RefusesLabelsThatAreNoClasses) {
  EXPECT_ERROR(cross_entropy(logits(), ints({0, 1, 2, 10}, {4})),
               "[cross_entropy] label 10 at position (3,) is outside [0, 3); expected a class, or -100 for "
               "positions to ignore; labels have shape (4,)");
  EXPECT_ERROR(cross_entropy(logits(), ints({0, -1, 2, 0}, {4})),
               "label -1 at position (1,) is outside [0, 3)");
  EXPECT_ERROR(cross_entropy(doubles(Values(12), {2, 3, 2}), ints({0, 1, 2, 3}, {2, 2})),
               "label 3 at position (1, 1) is outside [0, 3)");
  EXPECT_ERROR(nll_loss(logits(), ints({0, 1, 3, 0}, {4})),
               "[nll_loss] label 3 at position (2,) is outside [0, 3)");
}

TEST(CrossEntropy, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(cross_entropy(Tensor(), labels()), "[cross_entropy] the logits are undefined ()");
  EXPECT_ERROR(cross_entropy(logits(), Tensor()), "[cross_entropy] the target is undefined");
  EXPECT_ERROR(cross_entropy(doubles({1}, {}), labels()),
               "[cross_entropy] the logits are float64 (); expected");
  EXPECT_ERROR(cross_entropy(labels(), labels()),
               "[cross_entropy] the logits are int64 (4,); expected a floating");
  EXPECT_ERROR(
      cross_entropy(logits(), ints({0, 1}, {2})),
      "[cross_entropy] the labels have shape (2,) on cpu; for scores of shape (4, 3) expected (4,) on cpu");
  EXPECT_ERROR(
      cross_entropy(logits(), labels().to(DType::Int32)),
      "[cross_entropy] the target is int32 (4,); for logits float64 (4, 3) expected int64 labels, or "
      "probabilities in float64");
  EXPECT_ERROR(cross_entropy(logits(), probabilities().to(DType::Float32)), "the target is float32 (4, 3)");
  EXPECT_ERROR(cross_entropy(logits(), doubles({1, 0, 0}, {3})),
               "[cross_entropy] the target probabilities have shape (3,) on cpu; the logits (4, 3) on cpu");
  EXPECT_ERROR(cross_entropy(logits(), probabilities(), {.ignore_index = 0}),
               "[cross_entropy] ignore_index is 0, but the target holds probabilities (4, 3)");
  EXPECT_ERROR(cross_entropy(logits(), labels(), {.weight = doubles({1, 1}, {2})}),
               "[cross_entropy] the class weights are float64 (2,) on cpu; expected float64 (3,) on cpu");
  EXPECT_ERROR(cross_entropy(logits(), labels(), {.weight = weight().to(DType::Float32)}),
               "the class weights are float32 (3,)");
  EXPECT_ERROR(cross_entropy(logits(), labels(), {.label_smoothing = 1.5}),
               "[cross_entropy] label_smoothing is 1.5; expected a number in [0, 1]");
  EXPECT_ERROR(cross_entropy(logits(), labels(), {.label_smoothing = std::nan("")}),
               "label_smoothing is nan");
}

TEST(NllLoss, IsCrossEntropyOfLogSoftmax) {
  for (const Reduction reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    const Tensor x = logits();
    const Tensor nll = nll_loss(log_softmax(x, 1), labels(), {.weight = weight(), .reduction = reduction});
    const Tensor expected = cross_entropy(x, labels(), {.weight = weight(), .reduction = reduction});
    expect_near(nll, expected.to_vector<double>());
    expect_near(grad(sum(nll), {x})[0], grad(sum(expected), {x})[0].to_vector<double>());
  }
}

TEST(NllLoss, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(nll_loss(Tensor(), labels()), "[nll_loss] the log-probabilities are undefined");
  EXPECT_ERROR(nll_loss(logits(), probabilities()), "[nll_loss] the labels are float64; expected int64");
  EXPECT_ERROR(nll_loss(logits(), Tensor()), "[nll_loss] the labels are undefined; expected int64");
  EXPECT_ERROR(nll_loss(logits(), ints({0}, {1})), "[nll_loss] the labels have shape (1,) on cpu");
  EXPECT_ERROR(nll_loss(logits(), labels(), {.weight = doubles({1}, {1})}),
               "[nll_loss] the class weights are");
}

TEST(MseLoss, Reduces) {
  const Tensor x = doubles({1, 2, 4}, {3}).requires_grad_();
  const Tensor target = doubles({0, 2, 1}, {3}).requires_grad_();
  expect_near(mse_loss(x, target), {10.0 / 3});
  expect_near(mse_loss(x, target, {.reduction = Reduction::Sum}), {10});
  expect_near(mse_loss(x, target, {.reduction = Reduction::None}), {1, 0, 9});
  const Tensors g = grad(mse_loss(x, target), {x, target});
  expect_near(g[0], {2.0 / 3, 0, 2});
  expect_near(g[1], {-2.0 / 3, 0, -2});
}

TEST(MseLoss, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(mse_loss(doubles({1, 2}, {2}), doubles({1, 2}, {2, 1})),
               "[mse_loss] the input has shape (2,), the target (2, 1); they must be equal");
  EXPECT_ERROR(mse_loss(ints({1}, {1}), ints({1}, {1})),
               "[mse_loss] the input is int64; expected a floating");
  EXPECT_ERROR(mse_loss(doubles({1}, {1}), Tensor()), "[mse_loss] the target is undefined");
}

}  // namespace
}  // namespace linnet
