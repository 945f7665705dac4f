#include "blas_test.h"

#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "enqueue.h"
#include "memory.h"

namespace emulator {

namespace {

std::map<uintptr_t, uintptr_t> ranges;  // by where they begin: where they end

struct Queued {
  cudaStream_t stream;
  std::function<void()> work;
};
std::optional<std::vector<Queued>> queued;

}  // namespace

Range find_range(uintptr_t address) {
  const auto after = ranges.upper_bound(address);
  if (after == ranges.begin()) return {};
  const auto& [begin, end] = *std::prev(after);
  return address < end ? Range{begin, end} : Range{};
}

void enqueue(cudaStream_t stream, const char*, std::function<void()> work) {
  if (!queued) return work();
  queued->push_back({stream, std::move(work)});
}

namespace test {

DeviceMemory::DeviceMemory(size_t bytes, size_t offset) : memory_(bytes + offset + 1024), bytes_(bytes) {
  const auto first = reinterpret_cast<uintptr_t>(memory_.data());
  data_ = memory_.data() + (512 - first % 256) + offset;
  std::memset(data_, 0x5a, bytes);
  ranges[reinterpret_cast<uintptr_t>(data_)] = reinterpret_cast<uintptr_t>(data_ + bytes);
}
DeviceMemory::~DeviceMemory() { ranges.erase(reinterpret_cast<uintptr_t>(data_)); }

Queue::Queue() { queued.emplace(); }
Queue::~Queue() { queued.reset(); }
size_t Queue::size() const { return queued->size(); }
cudaStream_t Queue::stream() const { return queued->back().stream; }
void Queue::run() const {
  for (const Queued& q : *queued) q.work();
}

double to_double(const void* data, int64_t i, cudaDataType type) {
  switch (type) {
    case CUDA_R_64F: return static_cast<const double*>(data)[i];
    case CUDA_R_32F: return static_cast<const float*>(data)[i];
    case CUDA_R_16F: return __half2float(static_cast<const __half*>(data)[i]);
    default: return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[i]);
  }
}

void from_double(void* data, int64_t i, cudaDataType type, double value) {
  const auto number = static_cast<float>(value);
  switch (type) {
    case CUDA_R_64F: static_cast<double*>(data)[i] = value; break;
    case CUDA_R_32F: static_cast<float*>(data)[i] = number; break;
    case CUDA_R_16F: static_cast<__half*>(data)[i] = __float2half(number); break;
    default: static_cast<__nv_bfloat16*>(data)[i] = __float2bfloat16(number); break;
  }
}

size_t bytes_of(cudaDataType type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }
double unit_of(cudaDataType type) {
  return std::ldexp(1, type == CUDA_R_64F ? -53 : type == CUDA_R_32F ? -24 : type == CUDA_R_16F ? -11 : -8);
}

Matrix::Matrix(cudaDataType type, int64_t rows, int64_t columns, int64_t batch, int64_t padding, int64_t batch_padding)
    : type_(type),
      rows_(rows),
      columns_(columns),
      batch_(batch),
      ld_(rows + padding),
      stride_(ld_ * columns + batch_padding),
      memory_(static_cast<size_t>((batch - 1) * stride_ + (columns - 1) * ld_ + rows) * bytes_of(type)) {
  static std::mt19937 draw(1);
  std::uniform_real_distribution<double> number(-1, 1);
  const auto elements = static_cast<int64_t>(memory_.bytes() / bytes_of(type));
  for (int64_t i = 0; i < elements; ++i) from_double(data(), i, type_, 77);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t i = 0; i < rows; ++i) set(i, j, b, number(draw));
}

bool Matrix::gaps_are_untouched() const {
  const auto elements = static_cast<int64_t>(memory_.bytes() / bytes_of(type_));
  for (int64_t i = 0; i < elements; ++i) {
    const int64_t within = i % stride_;
    const bool is_gap = within / ld_ >= columns_ || within % ld_ >= rows_;
    if (is_gap && to_double(data(), i, type_) != 77) return false;
  }
  return true;
}

size_t index_of(const Problem& p, int64_t i, int64_t j, int64_t b) {
  return static_cast<size_t>((b * p.n + j) * p.m + i);
}

std::vector<Exact> exact_product(const Problem& p, const Matrix& a, const Matrix& b, const Matrix* c) {
  std::vector<Exact> results(static_cast<size_t>(p.batch * p.m * p.n));
  for (int64_t matrix = 0; matrix < p.batch; ++matrix) {
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t j = 0; j < p.n; ++j) {
        Exact& result = results[index_of(p, i, j, matrix)];
        for (int64_t q = 0; q < p.k; ++q) {
          const double term = p.alpha * a.element(p.transpose_a, i, q, matrix) * b.element(p.transpose_b, q, j, matrix);
          result.value += term;
          result.magnitude += std::fabs(term);
        }
        if (p.beta == 0) continue;
        result.value += p.beta * (*c)(i, j, matrix);
        result.magnitude += std::fabs(p.beta * (*c)(i, j, matrix));
      }
    }
  }
  return results;
}

double sum_tolerance(double unit, int64_t terms) { return 2 * (4 + std::sqrt(static_cast<double>(terms))) * unit; }

bool faults(FaultKind kind, const std::function<void()>& f) {
  try {
    f();
  } catch (const Fault& fault) {
    return fault.kind == kind && std::string(fault.what()).find("cublas") == 0;
  }
  return false;
}

}  // namespace test
}  // namespace emulator
