// History as CSV, JSON and SVG.
#include <limits>
#include <stack>
#include <string>

#include <gtest/gtest.h>
#include <linnet/train/history.h>
#include <nlohmann/json.hpp>
#include "tests/unit/expect_error.h"

namespace linnet::train {
namespace {

History two_epochs() {
  History history;
  history.epochs = {{.epoch = 1, .train_loss = 0.5, .test_loss = 0.25, .test_accuracy = 0.9, .seconds = 2},
                    {.epoch = 2, .train_loss = 0.1, .test_loss = 0.2, .test_accuracy = 0.95, .seconds = 2.5}};
  return history;
}

size_t count(const std::string& text, const std::string& word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

/// Every element is closed, in order.
bool tags_match(const std::string& svg) {
  std::stack<std::string> open;
  for (size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const size_t end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.front() == '/') {
      if (open.empty() || open.top() != tag.substr(1)) return false;
      open.pop();
    } else if (tag.back() != '/') {
      open.push(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

TEST(TrainHistory, Csv) {
  EXPECT_EQ(history_csv(two_epochs()),
            "epoch,train_loss,test_loss,test_accuracy,seconds,load_seconds,forward_seconds,backward_seconds,"
            "update_seconds,evaluate_seconds,images_per_second\n"
            "1,0.5,0.25,0.9,2,0,0,0,0,0,0\n"
            "2,0.1,0.2,0.95,2.5,0,0,0,0,0,0\n");
}

TEST(TrainHistory, Json) {
  History history = two_epochs();
  auto json = nlohmann::json::parse(history_json(history));
  ASSERT_EQ(json["epochs"].size(), 2U);
  EXPECT_EQ(json["epochs"][1]["epoch"], 2);
  EXPECT_EQ(json["epochs"][1]["train_loss"], 0.1);
  EXPECT_EQ(json["epochs"][1]["test_loss"], 0.2);
  EXPECT_EQ(json["epochs"][1]["test_accuracy"], 0.95);
  EXPECT_EQ(json["epochs"][1]["seconds"], 2.5);
  EXPECT_FALSE(json.contains("train_accuracy"));
  EXPECT_FALSE(json.contains("interrupted"));

  history.train_accuracy = 1;
  history.interrupted = Interruption{3, 17};
  json = nlohmann::json::parse(history_json(history));
  EXPECT_EQ(json["train_accuracy"], 1.0);
  EXPECT_EQ(json["interrupted"]["epoch"], 3);
  EXPECT_EQ(json["interrupted"]["step"], 17);
}

TEST(TrainHistory, JsonIsReadBackToTheLastBit) {
  History history = two_epochs();
  history.epochs[1].seconds = 0.1 + 0.2;
  history.epochs[1].test_loss = std::nan("");
  history.interrupted = Interruption{3, 17};
  const History read = read_history_json(history_json(history), "test");
  EXPECT_EQ(history_json(read), history_json(history));
  EXPECT_EQ(read.epochs[1].seconds, 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(read.epochs[1].test_loss));
  EXPECT_EQ(read.interrupted->step, 17);
  EXPECT_FALSE(read.train_accuracy.has_value());

  EXPECT_ERROR(read_history_json("{", "a.json"), "a.json is no JSON");
  EXPECT_ERROR(read_history_json("[]", "a.json"), "a.json: the text is no object");
  EXPECT_ERROR(read_history_json("{}", "a.json"), "a.json has no epochs");
  EXPECT_ERROR(read_history_json("{\"epochs\": 3}", "a.json"), "a.json: epochs is 3; expected a list");
  EXPECT_ERROR(read_history_json("{\"epochs\": [{\"epoch\": -1}]}", "a.json"),
               "a.json: epochs.0.epoch is -1; expected a whole number, 0 or more");
  EXPECT_ERROR(read_history_json("{\"epochs\": [{\"epoch\": 1, \"train_loss\": \"x\"}]}", "a.json"),
               "epochs.0.train_loss is \"x\"; expected a number");
  history.epochs[1].test_accuracy = 5.2;
  EXPECT_ERROR(read_history_json(history_json(history), "a.json"),
               "epochs.1.test_accuracy is 5.2; expected a number from 0 to 1");
  EXPECT_ERROR(read_history_json("{\"epochs\": [], \"train_accuracy\": -0.5}", "a.json"),
               "train_accuracy is -0.5; expected a number from 0 to 1");
}

TEST(TrainHistory, TextThatIsMadeToDoHarmIsRefused) {
  // Deep enough to end the process where something goes down into it by recursion.
  const std::string deep = std::string(1000000, '[') + std::string(1000000, ']');
  EXPECT_ERROR(read_history_json("{\"epochs\": " + deep + "}", "a.json"),
               "a.json: its values are nested deeper");
  EXPECT_ERROR(read_history_json("{\"epochs\": \"\\u202e\"}", "a.json"), "epochs is \"\\xe2\\x80\\xae\"");
  EXPECT_ERROR(read_history_json("{\"epochs\": \"" + std::string(1000, 'x') + "\"}", "a.json"),
               "xxx...; expected");
  EXPECT_ERROR(read_history_json("[\"\u202e", "a.json"), "last read: '\"\\xe2\\x80\\xae");
}

TEST(TrainHistory, CurvesHaveAPointAnEpochAndALegend) {
  const std::string svg = curves_svg(two_epochs());
  EXPECT_TRUE(tags_match(svg)) << svg;
  EXPECT_EQ(count(svg, "<polyline"), 3U);
  EXPECT_EQ(count(svg, "<circle"), 6U);
  for (const char* word : {">loss<", ">accuracy, %<", ">training<", ">test<", ">epoch<", ">2<",
                           "prefers-color-scheme: dark", "xmlns"}) {
    EXPECT_NE(svg.find(word), std::string::npos) << word;
  }
}

TEST(TrainHistory, CurvesStandOnTheirAxes) {
  // Losses reach from 0.1 to 0.5, so the axis is 0 to 0.5 over 220 pixels from y = 58 down.
  const std::string svg = curves_svg(two_epochs());
  EXPECT_NE(svg.find("<polyline points=\"58.0,58.0 388.0,234.0\" class=\"train curve\"/>"), std::string::npos)
      << svg;
}

TEST(TrainHistory, CurvesOfOddHistories) {
  EXPECT_TRUE(tags_match(curves_svg({})));
  EXPECT_NE(curves_svg({}).find("no epoch was finished"), std::string::npos);

  History perfect;
  perfect.epochs = {{.epoch = 1, .test_accuracy = 1}};
  const std::string one = curves_svg(perfect);
  EXPECT_TRUE(tags_match(one));
  EXPECT_EQ(one.find("nan"), std::string::npos) << one;
  EXPECT_NE(one.find(">100<"), std::string::npos) << one;
  EXPECT_EQ(one.find(">105<"), std::string::npos) << one;

  History diverged = two_epochs();
  diverged.epochs[1].test_loss = std::numeric_limits<double>::infinity();
  diverged.epochs[0].test_loss = std::numeric_limits<double>::quiet_NaN();
  const std::string gap = curves_svg(diverged);
  EXPECT_TRUE(tags_match(gap));
  EXPECT_EQ(count(gap, "<circle"), 4U);
  EXPECT_EQ(gap.find("inf"), std::string::npos) << gap;

  // Their difference is infinite.
  diverged.epochs[1].test_loss = std::numeric_limits<double>::max();
  diverged.epochs[0].test_loss = std::numeric_limits<double>::lowest();
  const std::string wide = curves_svg(diverged);
  EXPECT_TRUE(tags_match(wide));
  EXPECT_EQ(count(wide, "<circle"), 4U);
  for (const char* word : {"inf", "nan"}) EXPECT_EQ(wide.find(word), std::string::npos) << wide;
}

}  // namespace
}  // namespace linnet::train
