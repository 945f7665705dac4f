// ember_mlp: trains a multi-layer perceptron and reports loss, accuracy, speed and memory.
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>

#include "options.h"
#include "report.h"
#include "train.h"

namespace {

fw::Device choose_device(const std::string& name) {
  if (name == "cpu") return fw::Device(fw::kCPU);
  if (fw::cuda::is_available()) return fw::Device(fw::kCUDA, 0);
  if (name == "cuda") throw std::runtime_error("--device cuda: " + framework::why_no_cuda());
  return fw::Device(fw::kCPU);
}

fw::Dtype choose_dtype(const std::string& name) {
  if (name == "float64") return fw::kFloat64;
  if (name == "bfloat16") return fw::kBFloat16;
  if (name == "float16") return fw::kFloat16;
  return fw::kFloat32;
}

void run(const mlp::Options& options) {
  // A file that cannot be written is better known before the training than after it.
  if (!options.json.empty() && !std::ofstream(options.json, std::ios::app)) {
    throw std::runtime_error(options.json + ": cannot be written");
  }
  const fw::Device device = choose_device(options.device);
  const fw::Dtype dtype = choose_dtype(options.dtype);
  if (options.threads != 0) fw::set_num_threads(options.threads);
  fw::manual_seed(options.seed);

  mlp::Report report;
  report.options = options;
  report.device = device;
  report.threads = fw::get_num_threads();
  mlp::Progress bar;
  const auto progress = [&](int64_t done, int64_t total, const fw::Tensor& loss) { bar(done, total, loss); };
  if (options.model == "two-layer") {
    report.result = mlp::train_two_layer(options, device, dtype, progress);
  } else {
    const mlp::Dataset data = options.data.empty() ? mlp::load_digits(EMBER_BENCHMARK_DATA "/digits.csv", device, dtype)
                                                   : mlp::load_mnist(options.data, device, dtype);
    report.result = mlp::train_digits(options, device, dtype, data, progress);
  }
  report.step = mlp::summarize(report.result.step_seconds);
  report.memory = framework::peak_memory(device);
  report.process_peak = mlp::process_peak_bytes();
  mlp::print_table(report);
  if (!options.json.empty()) mlp::write_json(report);
}

}  // namespace

int main(int argc, char** argv) {
  const mlp::Parsed parsed = mlp::parse_options(argc, argv);
  if (!parsed.options) return parsed.status;
  try {
    run(*parsed.options);
  } catch (const framework::Error& error) {
    std::fprintf(stderr, "ember_mlp: %s\n", error.what_without_backtrace());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ember_mlp: %s\n", error.what());
    return 1;
  }
  return 0;
}
