// What the command line says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlp {

struct Options {
  std::string model = "digits";   // two-layer or digits
  std::string device = "auto";    // auto, cpu or cuda
  std::vector<int64_t> hidden;    // sizes of the hidden layers
  int64_t batch = 64;             // samples in a step
  int64_t epochs = 0;             // 0 when steps are given instead
  int64_t steps = 0;              // 0 when epochs are given instead
  std::string optimizer = "sgd";  // sgd, adam or adamw
  double lr = 0;
  double momentum = 0;
  std::string dtype = "float32";  // float32, float64, bfloat16 or float16
  int threads = 0;                // 0: the framework's default
  uint64_t seed = 0;
  std::string data;  // a directory with the MNIST IDX files; empty: the UCI digits
  std::string json;  // a file for the results; empty: none
};

// Reads the command line and fills in the defaults that depend on the model. Returns the options, or the
// exit status when the program is to end now: 0 after --help, 2 after a mistake, which is explained on
// standard error with the usage.
struct Parsed {
  std::optional<Options> options;
  int status = 0;
};
Parsed parse_options(int argc, char** argv);

}  // namespace mlp
