#include "blas_epilogue.h"

#include <cmath>

#include "memory.h"

namespace emulator {

namespace {

using Activation = Epilogue::Activation;

// The mask's bits are written in blocks of this many: why the leading dimension is a multiple of it.
constexpr int64_t kMaskBlock = 128;

template <class T>
constexpr T kSqrt2OverPi = static_cast<T>(0.79788456080286535588);
template <class T>
constexpr T kCubic = static_cast<T>(0.044715);

// cuBLASLt's GELU is the approximation by tanh.
template <class T>
T gelu(T x) {
  return T(0.5) * x * (1 + std::tanh(kSqrt2OverPi<T> * (x + kCubic<T> * x * x * x)));
}

template <class T>
T gelu_gradient(T x) {
  const T t = std::tanh(kSqrt2OverPi<T> * (x + kCubic<T> * x * x * x));
  return T(0.5) * (1 + t) + T(0.5) * x * (1 - t * t) * kSqrt2OverPi<T> * (1 + 3 * kCubic<T> * x * x);
}

// That of NaN is NaN.
template <class T>
T relu(T x) {
  return x < 0 ? T(0) : x;
}

// The bits of a column; what fills up its last block is written too, with ones.
class MaskColumn {
 public:
  MaskColumn(const Epilogue& e, int64_t batch, int64_t column)
      : bytes_(reinterpret_cast<uint8_t*>(e.aux) + (batch * e.aux_stride + column * e.aux_ld) / 8) {}
  bool get(int64_t i) const { return (bytes_[i / 8] >> (i % 8) & 1) != 0; }
  void set(int64_t i, bool bit) {
    const auto place = static_cast<uint8_t>(1u << (i % 8));
    bytes_[i / 8] = static_cast<uint8_t>(bit ? bytes_[i / 8] | place : bytes_[i / 8] & ~place);
  }
  void fill_up(int64_t m) {
    for (int64_t i = m; i % kMaskBlock != 0; ++i) set(i, true);
  }

 private:
  uint8_t* bytes_;
};

template <class T>
T* column_of(std::vector<T>& elements, int64_t m, int64_t j) {
  return elements.data() + j * m;
}

std::byte* vector_of(const Epilogue& e, int64_t batch) {
  return e.bias + batch * e.bias_stride * static_cast<int64_t>(element_bytes(e.type));
}

// The matrix of gelu's inputs.
MatrixMemory aux_matrix(const Epilogue& e, int64_t m, int64_t n) {
  return {e.aux, e.type, m, n, e.aux_ld, e.aux_stride};
}

// The bias or its gradient.
MatrixMemory vector_memory(const Epilogue& e, int64_t m, int64_t n) {
  const int64_t length = e.sums_b ? n : m;
  return {e.bias, e.type, length, 1, length, e.bias_stride};
}

size_t mask_bytes(const Epilogue& e, int64_t m, int64_t n, int64_t batch) {
  const int64_t last = (m + kMaskBlock - 1) / kMaskBlock * kMaskBlock;
  return static_cast<size_t>(((batch - 1) * e.aux_stride + (n - 1) * e.aux_ld + last) / 8);
}

template <class T>
void through_activation(const Epilogue& e, int64_t m, int64_t batch, int64_t j, T* column) {
  if (e.gradient == Activation::kRelu) {
    const MaskColumn mask(e, batch, j);
    for (int64_t i = 0; i < m; ++i) column[i] = mask.get(i) ? column[i] : T(0);
  } else if (e.gradient == Activation::kGelu) {
    const std::byte* const inputs = aux_matrix(e, m, 0).matrix(batch);
    for (int64_t i = 0; i < m; ++i) column[i] *= gelu_gradient(load<T>(inputs, j * e.aux_ld + i, e.type));
  }
}

template <class T>
void activate(const Epilogue& e, int64_t m, int64_t batch, int64_t j, T* column) {
  if (e.activation == Activation::kRelu) {
    if (e.has_aux) {
      MaskColumn mask(e, batch, j);
      for (int64_t i = 0; i < m; ++i) mask.set(i, column[i] > 0);
      mask.fill_up(m);
    }
    for (int64_t i = 0; i < m; ++i) column[i] = relu(column[i]);
  } else if (e.activation == Activation::kGelu) {
    if (e.has_aux) {
      std::byte* const inputs = aux_matrix(e, m, 0).matrix(batch);
      for (int64_t i = 0; i < m; ++i) store(inputs, j * e.aux_ld + i, e.type, column[i]);
    }
    for (int64_t i = 0; i < m; ++i) column[i] = gelu(column[i]);
  }
}

}  // namespace

void check_epilogue(const char* operation, const Epilogue& e, int64_t m, int64_t n, int64_t batch) {
  if (e.adds_bias) {
    check_read(operation, "the bias", vector_memory(e, m, n), batch);
  } else if (e.has_vector()) {
    check_matrix(operation, "the bias gradient", vector_memory(e, m, n), batch);
    check_written_once(operation, vector_memory(e, m, n), batch);
  }
  if (e.has_mask()) {
    check_bytes(operation, "the mask", e.aux, mask_bytes(e, m, n, batch), kMaskBlock / 8);
  } else if (e.gradient != Activation::kNone && e.has_aux) {
    check_read(operation, "the auxiliary matrix", aux_matrix(e, m, n), batch);
  } else if (e.has_aux) {
    check_matrix(operation, "the auxiliary matrix", aux_matrix(e, m, n), batch);
  }
}

void mark_epilogue(const Epilogue& e, int64_t m, int64_t n, int64_t batch) {
  if (e.writes_vector()) mark_written(vector_memory(e, m, n), batch);
  if (!e.has_aux || e.gradient != Activation::kNone) return;
  if (e.has_mask()) {
    mark_written(e.aux, mask_bytes(e, m, n, batch));
  } else {
    mark_written(aux_matrix(e, m, n), batch);
  }
}

template <class T>
void apply_epilogue(const Epilogue& e, int64_t m, int64_t n, int64_t batch, std::vector<T>& elements) {
  std::vector<T> sums(e.sums_rows ? static_cast<size_t>(m) : 0);
  for (int64_t j = 0; j < n; ++j) {
    T* const column = column_of(elements, m, j);
    if (e.adds_bias) {
      for (int64_t i = 0; i < m; ++i) column[i] += load<T>(vector_of(e, batch), i, e.type);
    }
    activate(e, m, batch, j, column);
    through_activation(e, m, batch, j, column);
    if (e.sums_rows) {
      for (int64_t i = 0; i < m; ++i) sums[static_cast<size_t>(i)] += column[i];
    }
  }
  for (size_t i = 0; i < sums.size(); ++i) store(vector_of(e, batch), static_cast<int64_t>(i), e.type, sums[i]);
}

template <class T>
void sum_factor(const Epilogue& e, const MatrixMemory& factor, bool k_along_rows, int64_t extent, int64_t k,
                int64_t batch) {
  const std::byte* const data = factor.matrix(batch);
  for (int64_t i = 0; i < extent; ++i) {
    T sum = 0;
    for (int64_t p = 0; p < k; ++p) {
      sum += load<T>(data, k_along_rows ? i * factor.ld + p : p * factor.ld + i, factor.type);
    }
    store(vector_of(e, batch), i, e.type, sum);
  }
}

template void apply_epilogue(const Epilogue&, int64_t, int64_t, int64_t, std::vector<float>&);
template void apply_epilogue(const Epilogue&, int64_t, int64_t, int64_t, std::vector<double>&);
template void sum_factor<float>(const Epilogue&, const MatrixMemory&, bool, int64_t, int64_t, int64_t);
template void sum_factor<double>(const Epilogue&, const MatrixMemory&, bool, int64_t, int64_t, int64_t);

}  // namespace emulator
