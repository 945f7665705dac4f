// What this machine can do at best, by which the comparison's rows are judged: fused multiply-adds, copies,
// allocations, and oneDNN called directly.
#include <benchmark/benchmark.h>
#include <dnnl.h>
#define HWY_COMPILE_ONLY_STATIC 1
#include <hwy/highway.h>
#include <omp.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent accumulators hide the latency; compiled for the machine at hand. Counter: flops per second of all
// threads.
void fma_peak(benchmark::State& state) {
  const hn::ScalableTag<float> d;
  constexpr int64_t kRepeats = 20000;
  double flops = 0;
  for (auto _ : state) {
#pragma omp parallel reduction(+ : flops)
    {
      const auto x = hn::Set(d, 0.999f), y = hn::Set(d, 0.001f);
      // Each from another number: of equal ones the compiler would make one.
      auto a = hn::Set(d, 0.1f), b = hn::Set(d, 0.2f), c = hn::Set(d, 0.3f), e = hn::Set(d, 0.4f);
      auto f = hn::Set(d, 0.5f), g = hn::Set(d, 0.6f), h = hn::Set(d, 0.7f), i = hn::Set(d, 0.8f);
      auto j = hn::Set(d, 0.9f), k = hn::Set(d, 1.1f), l = hn::Set(d, 1.2f), m = hn::Set(d, 1.3f);
      for (int64_t r = 0; r < kRepeats; ++r) {
        a = hn::MulAdd(a, x, y);
        b = hn::MulAdd(b, x, y);
        c = hn::MulAdd(c, x, y);
        e = hn::MulAdd(e, x, y);
        f = hn::MulAdd(f, x, y);
        g = hn::MulAdd(g, x, y);
        h = hn::MulAdd(h, x, y);
        i = hn::MulAdd(i, x, y);
        j = hn::MulAdd(j, x, y);
        k = hn::MulAdd(k, x, y);
        l = hn::MulAdd(l, x, y);
        m = hn::MulAdd(m, x, y);
      }
      const auto sum = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)),
                               hn::Add(hn::Add(hn::Add(f, g), hn::Add(h, i)), hn::Add(hn::Add(j, k), hn::Add(l, m))));
      float result = hn::GetLane(hn::SumOfLanes(d, sum));
      benchmark::DoNotOptimize(result);
      flops += 2.0 * 12 * kRepeats * static_cast<double>(hn::Lanes(d));
    }
  }
  state.counters["rate"] = benchmark::Counter(flops, benchmark::Counter::kIsRate);
}

// Bytes read and written per second by copies between two arrays that together have so many bytes.
void copy(benchmark::State& state) {
  const size_t total = static_cast<size_t>(state.range(0)), threads = static_cast<size_t>(omp_get_max_threads());
  const size_t half = total / 2, piece = half / threads / 64 * 64;
  const std::unique_ptr<char, decltype(&std::free)> from(
      static_cast<char*>(std::aligned_alloc(1 << 21, (half | ((1 << 21) - 1)) + 1)), &std::free);
  const std::unique_ptr<char, decltype(&std::free)> to(
      static_cast<char*>(std::aligned_alloc(1 << 21, (half | ((1 << 21) - 1)) + 1)), &std::free);
  std::memset(from.get(), 1, half);
  std::memset(to.get(), 1, half);
  for (auto _ : state) {
    if (threads == 1) {
      std::memcpy(to.get(), from.get(), half);
    } else {
#pragma omp parallel
      {
        const size_t start = static_cast<size_t>(omp_get_thread_num()) * piece;
        std::memcpy(to.get() + start, from.get() + start, piece);
      }
    }
    benchmark::ClobberMemory();
  }
  state.counters["rate"] = benchmark::Counter(2.0 * static_cast<double>(threads == 1 ? half : threads * piece),
                                              benchmark::Counter::kIsIterationInvariantRate);
}

void allocate(benchmark::State& state) {
  for (auto _ : state) {
    void* const p = std::malloc(64);
    benchmark::DoNotOptimize(p);
    std::free(p);
  }
}

// A row-major product as dnnl_sgemm has it, under the name of the row that it is the floor of.
void sgemm(benchmark::State& state, int64_t n, bool transpose_a, bool transpose_b) {
  const auto size = static_cast<size_t>(n * n);
  const std::vector<float> a(size, 0.5f), b(size, 0.25f);
  std::vector<float> c(size);
  for (auto _ : state) {
    const dnnl_status_t status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', n, n, n, 1, a.data(), n,
                                            b.data(), n, 0, c.data(), n);
    if (status != dnnl_success) std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RegisterBenchmark("fma", fma_peak)->UseRealTime();
  benchmark::RegisterBenchmark("copy", copy)->RangeMultiplier(4)->Range(1 << 13, 1 << 27)->UseRealTime();
  benchmark::RegisterBenchmark("allocate", allocate);
  for (const int64_t n : {64, 128, 256, 512, 1024, 2048}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const std::string name =
            std::string("matmul/float32/") + (ta ? 'T' : 'N') + (tb ? 'T' : 'N') + '/' + std::to_string(n);
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          sgemm(state, n, ta, tb);
        })->UseRealTime();
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
