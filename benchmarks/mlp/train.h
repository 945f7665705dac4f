// The two models, and the loop that times their steps.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "../framework.h"
#include "data.h"
#include "options.h"

namespace mlp {

// What a training run gave. Times are in seconds.
struct Result {
  std::string data;        // what it trained on
  int64_t parameters = 0;  // numbers that are learned
  int64_t steps = 0;
  int64_t batch = 0;
  double flops_per_step = 0;   // of the matrix products: see step_flops()
  double first_loss = 0;       // of the first batch
  double loss = 0;             // of the training set after training (two-layer: of the last step)
  double train_accuracy = -1;  // fractions; −1 where there are no classes
  double test_loss = -1;
  double test_accuracy = -1;
  // Seconds of a step, one value a step on the CPU. On CUDA, where waiting for the device after each step
  // would distort it, one value for each window of steps: the window's time divided by its steps.
  std::vector<double> step_seconds;
  int64_t window = 1;
  double train_seconds = 0;  // all steps and the shuffling between epochs
};

// Called between timed windows with the steps done and the loss of the last, which may be on a device.
using OnProgress = std::function<void(int64_t done, int64_t total, const fw::Tensor& loss)>;

// D_in 1000, one hidden layer, D_out 10, sum of squared errors; weights updated by hand without gradients.
Result train_two_layer(const Options& options, fw::Device device, fw::Dtype dtype, const OnProgress& progress);
// Linear and ReLU layers with cross entropy; a last batch that is not full is left out of each epoch.
Result train_digits(const Options& options, fw::Device device, fw::Dtype dtype, const Dataset& data,
                    const OnProgress& progress);

// The floating-point operations in a training step's matrix products, layer sizes from input to output:
// 2·B·in·out forward and twice that backward for every layer, but for the gradient of the first layer's
// input, which nobody needs: B·(6·Σ in·out − 2·in₁·out₁).
double step_flops(int64_t batch, const std::vector<int64_t>& sizes);

}  // namespace mlp
