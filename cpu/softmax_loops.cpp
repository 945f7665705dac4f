// Inner loops of softmax, log_softmax and their gradients.
#include <ember/cpu/softmax_loops.h>

#include <algorithm>
#include <cmath>

#include <ember/cpu/loops.h>
#include <ember/cpu/reduce.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/softmax_loops.cpp"
#include <ember/cpu/simd.h>

#include <hwy/contrib/math/math-inl.h>

// exp_rows-inl.h is made of the other two.
#include <ember/cpu/row_vectors-inl.h>
#include <ember/cpu/vector_math-inl.h>

#include <ember/cpu/exp_rows-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void vector_exp(T* x, int64_t n) {
  char* const operands[] = {reinterpret_cast<char*>(x), reinterpret_cast<char*>(x)};
  loops.exp[dtype_of_v<T>](operands, n, Params{});
}

template <class T>
void forward_row(T* out, const T* in, int64_t n, bool log) {
  const T largest = exp_rows::greatest(in, n);
  if (log) {
    const T log_total = static_cast<T>(std::log(exp_rows::sum_of_exp<T>(nullptr, in, largest, n)));
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = (in[i] - largest) - log_total;
    return;
  }
  const T scale = static_cast<T>(1 / exp_rows::sum_of_exp<T>(out, in, largest, n));
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] *= scale;
}

template <class T>
void backward_row(T* grad_in, const T* g, const T* y, int64_t n, bool log) {
  const hn::ScalableTag<T> d;
  const double total = row_vectors::sum<T>(n, [=](int64_t i, int64_t count) HWY_ATTR {
    const auto gradient = row_vectors::load(d, g + i, count);
    const auto term = log ? gradient : hn::Mul(gradient, row_vectors::load(d, y + i, count));
    return count == static_cast<int64_t>(hn::Lanes(d)) ? term : row_vectors::only_first(d, term, count);
  });
  const auto t = hn::Set(d, static_cast<T>(total));
  row_vectors::for_each_vector<T>(n, [=](int64_t i, int64_t count) HWY_ATTR {
    const auto gradient = row_vectors::load(d, g + i, count), x = row_vectors::load(d, y + i, count);
    const auto result =
        log ? hn::NegMulAdd(exp_rows::exp_of_negative(d, x), t, gradient) : hn::Mul(hn::Sub(gradient, t), x);
    row_vectors::store(d, result, grad_in + i, count);
  });
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
