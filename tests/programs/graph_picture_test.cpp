// A picture of a recorded graph, by Graphviz.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <ember/ember.h>

#include "programs.h"

namespace {

using namespace ember;

class GraphPicture : public programs::OnDevice {
 protected:
  // Keeps the leaves, as a program that trains them does.
  Tensor loss() {
    const TensorOptions options = TensorOptions(device());
    const Tensor x = randn({64, 1000}, options), y = randn({64, 10}, options);
    w1_ = randn({1000, 100}, options).requires_grad_();
    w2_ = randn({100, 10}, options).requires_grad_();
    return (x.mm(w1_).clamp(0).mm(w2_) - y).pow(2).sum();
  }

  Tensor w1_, w2_;
};

size_t occurrences(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST_P(GraphPicture, NamesOperationsAndShapes) {
  const std::string dot = to_dot(loss());
  EXPECT_EQ(dot.find("digraph"), 0u) << dot;
  EXPECT_EQ(occurrences(dot, "{"), occurrences(dot, "}"));
  for (const char* part :
       {"Sum", "Pow", "Sub", "Mm", "Clamp", "leaf", "(1000, 100)", "(100, 10)", "(64, 1000)", "->"}) {
    EXPECT_NE(dot.find(part), std::string::npos) << part << " is not in\n" << dot;
  }
  // Six operations in a row and the result, two leaves, and what the operations saved.
  EXPECT_EQ(occurrences(dot, "->") - occurrences(dot, "style=dashed, dir=none"), 8u) << dot;
  EXPECT_THROW(to_dot(ones({2})), Error);
  EXPECT_THROW(to_dot(Tensor()), Error);
}

TEST_P(GraphPicture, EveryNodeOnce) {
  const Tensor x = ones({2}, TensorOptions(device())).requires_grad_();
  Tensor y = x;
  for (int i = 0; i < 30; ++i) y = y + y;  // 2^30 paths
  const std::string dot = to_dot(y);
  EXPECT_LT(dot.size(), 20000u);
  EXPECT_EQ(occurrences(dot, "Add"), 30u);
}

TEST_P(GraphPicture, IsRenderedByDot) {
  if (std::system("dot -V >/dev/null 2>&1") != 0) GTEST_SKIP() << "dot (Graphviz) is not installed";
  const auto folder = std::filesystem::temp_directory_path() / ("ember_graph_picture_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto dot = folder / "graph.dot", svg = folder / "graph.svg";
  std::ofstream(dot) << to_dot(loss());
  const std::string command = "dot -Tsvg '" + dot.string() + "' -o '" + svg.string() + "' 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  char part[256];
  while (std::fgets(part, sizeof part, pipe) != nullptr) said += part;
  EXPECT_EQ(pclose(pipe), 0) << said;
  EXPECT_EQ(said, "") << "dot complains";
  std::stringstream picture;
  picture << std::ifstream(svg).rdbuf();
  EXPECT_NE(picture.str().find("<svg"), std::string::npos);
  EXPECT_NE(picture.str().find("Mm"), std::string::npos);
  std::filesystem::remove_all(folder);
}

EMBER_ON_EVERY_DEVICE(GraphPicture);

}  // namespace
