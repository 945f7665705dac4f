// Inner loops of softmax, log_softmax and their gradients.
#include <ember/cpu/softmax_loops.h>

#include <algorithm>
#include <cmath>

#include <ember/cpu/loops.h>
#include <ember/cpu/reduce.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/softmax_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

template <class T>
void vector_exp(T* x, int64_t n) {
  char* const operands[] = {reinterpret_cast<char*>(x), reinterpret_cast<char*>(x)};
  loops.exp[dtype_of_v<T>](operands, n, Params{});
}

template <class T>
T row_reduce(const ReduceLoop* rows, const T* x, int64_t n) {
  T result;
  reduce_dense(rows[static_cast<int>(dtype_of_v<T>)], sizeof(T), reinterpret_cast<const char*>(x), n, &result);
  return result;
}

// Σ f(i) over i < n as a balanced tree: f(begin, count, buffer) writes a chunk's terms.
template <class T, class F>
T tree_sum(int64_t begin, int64_t end, const F& f) {
  if (end - begin <= kReduceChunk) {
    T buffer[kReduceChunk];
    f(begin, end - begin, buffer);
    return row_reduce(reduce_loops.sum, buffer, end - begin);
  }
  const int64_t mid = middle(begin, end, kReduceChunk);
  const T left = tree_sum<T>(begin, mid, f);
  return left + tree_sum<T>(mid, end, f);
}

template <class T>
void subtract(T* out, const T* in, T c, int64_t n) {
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = in[i] - c;
}

template <class T>
void forward_row(T* out, const T* in, int64_t n, bool log) {
  const T largest = row_reduce(reduce_loops.amax, in, n);
  if (log) {
    const T total = tree_sum<T>(0, n, [=](int64_t begin, int64_t count, T* terms) HWY_ATTR {
      subtract(terms, in + begin, largest, count);
      vector_exp(terms, count);
    });
    const T log_total = std::log(total);
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = (in[i] - largest) - log_total;
    return;
  }
  subtract(out, in, largest, n);
  vector_exp(out, n);
  const T scale = T(1) / row_reduce(reduce_loops.sum, out, n);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] *= scale;
}

template <class T>
void backward_row(T* grad_in, const T* g, const T* y, int64_t n, bool log) {
  if (log) {
    const T total = row_reduce(reduce_loops.sum, g, n);
    T buffer[kReduceChunk];
    for (int64_t start = 0; start < n; start += kReduceChunk) {
      const int64_t count = std::min(kReduceChunk, n - start);
      std::copy_n(y + start, count, buffer);
      vector_exp(buffer, count);
      EMBER_INDEPENDENT
      for (int64_t i = 0; i < count; ++i) grad_in[start + i] = g[start + i] - buffer[i] * total;
    }
    return;
  }
  const T total = tree_sum<T>(0, n, [=](int64_t begin, int64_t count, T* terms) HWY_ATTR {
    for (int64_t i = 0; i < count; ++i) terms[i] = g[begin + i] * y[begin + i];
  });
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) grad_in[i] = (g[i] - total) * y[i];
}

template <class T>
void forward_columns(T* out, const T* in, int64_t n, int64_t w, int64_t stride, bool log) {
  T largest[kPanelWidth], total[kPanelWidth], term[kPanelWidth];
  const ReduceLoop& amax = reduce_loops.amax[static_cast<int>(dtype_of_v<T>)];
  amax.fill_neutral(largest, w);
  std::fill_n(total, w, T(0));
  for (int64_t i = 0; i < n; ++i) amax.accumulate(largest, in + i * stride, w);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < w; ++j) term[j] = in[i * stride + j] - largest[j];
    vector_exp(term, w);
    for (int64_t j = 0; j < w; ++j) total[j] += term[j];
    if (!log) std::copy_n(term, w, out + i * stride);
  }
  for (int64_t j = 0; j < w; ++j) total[j] = log ? std::log(total[j]) : T(1) / total[j];
  for (int64_t i = 0; i < n; ++i) {
    T* const y = out + i * stride;
    const T* const x = in + i * stride;
    if (log) {
      EMBER_INDEPENDENT
      for (int64_t j = 0; j < w; ++j) y[j] = (x[j] - largest[j]) - total[j];
    } else {
      for (int64_t j = 0; j < w; ++j) y[j] *= total[j];
    }
  }
}

template <class T>
void backward_columns(T* grad_in, const T* g, const T* y, int64_t n, int64_t w, int64_t stride, bool log) {
  T total[kPanelWidth], term[kPanelWidth];
  std::fill_n(total, w, T(0));
  for (int64_t i = 0; i < n * stride; i += stride) {
    for (int64_t j = 0; j < w; ++j) total[j] += log ? g[i + j] : g[i + j] * y[i + j];
  }
  for (int64_t i = 0; i < n * stride; i += stride) {
    if (log) {
      std::copy_n(y + i, w, term);
      vector_exp(term, w);
      EMBER_INDEPENDENT
      for (int64_t j = 0; j < w; ++j) grad_in[i + j] = g[i + j] - term[j] * total[j];
    } else {
      EMBER_INDEPENDENT
      for (int64_t j = 0; j < w; ++j) grad_in[i + j] = (g[i + j] - total[j]) * y[i + j];
    }
  }
}

template <class T>
void forward(void* out, const void* in, int64_t n, int64_t w, int64_t stride, bool log) {
  T* const o = static_cast<T*>(out);
  const T* const i = static_cast<const T*>(in);
  return w == 1 && stride == 1 ? forward_row(o, i, n, log) : forward_columns(o, i, n, w, stride, log);
}

template <class T>
void backward(void* grad_in, const void* grad_out, const void* out, int64_t n, int64_t w, int64_t stride, bool log) {
  T* const i = static_cast<T*>(grad_in);
  const T* const g = static_cast<const T*>(grad_out);
  const T* const y = static_cast<const T*>(out);
  return w == 1 && stride == 1 ? backward_row(i, g, y, n, log) : backward_columns(i, g, y, n, w, stride, log);
}

SoftmaxLoops float_softmax() { return {&forward<float>, &backward<float>}; }
SoftmaxLoops double_softmax() { return {&forward<double>, &backward<double>}; }

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(float_softmax);
HWY_EXPORT(double_softmax);
template <>
SoftmaxLoops softmax_loops<float>() {
  return HWY_DYNAMIC_DISPATCH(float_softmax)();
}
template <>
SoftmaxLoops softmax_loops<double>() {
  return HWY_DYNAMIC_DISPATCH(double_softmax)();
}
}  // namespace ember::cpu
#endif
