#include "harness.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace gpu {

namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

void synchronize(ember::Device device) {
  if (device.is_cuda()) ember::cuda::synchronize();
}

// Of at most 65536 elements, evenly spread.
std::array<double, 4> checksum_of(const Tensor& result) {
  const ember::NoGradGuard no_grad;
  const Tensor flat = result.detach().reshape({-1});
  const int64_t step = flat.numel() / 65536 | 1;
  const Tensor values = flat.slice(0, 0, flat.numel(), step).contiguous().to(ember::kCPU).to(ember::kFloat64);
  const double* const p = values.data_ptr<double>();
  std::array<double, 4> sums{};
  for (int64_t i = 0; i < values.numel(); ++i) {
    if (!std::isfinite(p[i])) {
      sums[3] += 1;
      continue;
    }
    sums[0] += p[i];
    sums[1] += p[i] * static_cast<double>(i % 7 - 3);
    sums[2] += std::abs(p[i]);
  }
  return sums;
}

}  // namespace

Opened::Opened(const Row& row, const Settings& settings)
    : settings_(settings), measure_(row.measure), call_(row.make()) {
  for (int i = 0; i < 9; ++i) call_();
  checksum_ = checksum_of(call_());
  if (measure_ == Measure::Host) return;
  const double target = settings_.sample_ms * 1e6;
  double elapsed = run(calls_);
  while (elapsed < target / 8 && calls_ < (int64_t{1} << 20)) {
    calls_ *= 4;
    elapsed = run(calls_);
  }
  calls_ = std::clamp<int64_t>(std::llround(target * static_cast<double>(calls_) / std::max(elapsed, 1.0)),
                               settings_.device.is_cuda() ? kLeastCalls : 1, 1 << 20);
}

double Opened::sample() {
  if (measure_ == Measure::Host) return host_sample();
  call_();  // wakes the device
  return run(calls_) / static_cast<double>(calls_);
}

// Nanoseconds of all the calls.
double Opened::run(int64_t calls) {
  synchronize(settings_.device);
  if (!settings_.device.is_cuda()) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) call_();
    return nanoseconds_since(start);
  }
  ember::Event start(settings_.device, /*timing=*/true), end(settings_.device, /*timing=*/true);
  start.record();
  for (int64_t i = 0; i < calls; ++i) call_();
  end.record();
  end.synchronize();
  return start.elapsed_time(end) * 1e6;
}

// The median of many short bursts: the queue of the device never fills, and what frees the results is not counted.
double Opened::host_sample() {
  std::vector<double> bursts;
  for (const auto start = Clock::now(); bursts.size() < 5 || nanoseconds_since(start) < settings_.sample_ms * 1e6;) {
    synchronize(settings_.device);
    const auto begin = Clock::now();
    const Tensor result = call_();
    bursts.push_back(nanoseconds_since(begin) / kChain);
  }
  const auto middle = bursts.begin() + static_cast<std::ptrdiff_t>(bursts.size() / 2);
  std::nth_element(bursts.begin(), middle, bursts.end());
  return *middle;
}

Tensor normal(const Settings& settings, uint64_t seed, int64_t rows, int64_t columns, ember::ScalarType dtype) {
  const ember::NoGradGuard no_grad;
  const int64_t drawn = std::min(rows, std::max<int64_t>(1, (int64_t{1} << 20) / columns));
  ember::manual_seed(seed);
  const Tensor block = ember::randn({drawn, columns}).to(settings.device).to(dtype);
  return drawn == rows ? block : block.repeat({(rows + drawn - 1) / drawn, 1}).narrow(0, 0, rows);
}

Tensor classes(const Settings& settings, uint64_t seed, int64_t rows, int64_t n) {
  ember::manual_seed(seed);
  return ember::randint(n, {rows}, ember::kInt64).to(settings.device);
}

}  // namespace gpu
