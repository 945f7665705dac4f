// What the user sees: progress while it runs, a table at the end, and the same as JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "options.h"
#include "train.h"

namespace mlp {

// On a terminal a bar that redraws itself ten times a second at most; elsewhere about ten plain lines.
class Progress {
 public:
  Progress();
  void operator()(int64_t done, int64_t total, const fw::Tensor& loss);

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  Clock::time_point start_;
  Clock::time_point drawn_;
  int64_t lines_ = 0;
};

// Seconds of a step: median, and the 10th and 90th percentile as its spread. The first tenth of the times,
// at most 20, is left out: memory is not yet cached there.
struct StepTime {
  double median = 0, p10 = 0, p90 = 0;
  int64_t samples = 0;
};
StepTime summarize(const std::vector<double>& step_seconds);

struct Report {
  Options options;
  fw::Device device{fw::kCPU};
  int threads = 0;
  Result result;
  StepTime step;
  framework::Memory memory;
  int64_t process_peak = 0;  // bytes resident, of the whole process
};
void print_table(const Report& report);
// Throws std::runtime_error if the file cannot be written.
void write_json(const Report& report);

// The most memory that this process has had resident, in bytes.
int64_t process_peak_bytes();

}  // namespace mlp
