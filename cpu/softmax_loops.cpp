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

// out[i] = f(vector of a, vector of b) for each i.
template <class T, class F>
HWY_INLINE void for_each_pair(T* out, const T* a, const T* b, int64_t n, F f) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  if (i == n) return;
  const auto last = f(exp_rows::load_first(d, a + i, n - i), exp_rows::load_first(d, b + i, n - i));
  exp_rows::store_first(d, last, out + i, n - i);
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
  const auto terms = [=](const T* from, int64_t i, int64_t count) HWY_ATTR {
    return count == static_cast<int64_t>(hn::Lanes(d)) ? hn::LoadU(d, from + i)
                                                       : hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)),
                                                                            exp_rows::load_first(d, from + i, count));
  };
  if (log) {
    const double total =
        exp_rows::sum_of_vectors<T>(n, [=](int64_t i, int64_t count) HWY_ATTR { return terms(g, i, count); });
    const auto t = hn::Set(d, static_cast<T>(total));
    for_each_pair(grad_in, g, y, n, [=](hn::Vec<decltype(d)> gradient, hn::Vec<decltype(d)> log_p) HWY_ATTR {
      return hn::NegMulAdd(exp_rows::exp_of_negative(d, log_p), t, gradient);
    });
    return;
  }
  const double total = exp_rows::sum_of_vectors<T>(
      n, [=](int64_t i, int64_t count) HWY_ATTR { return hn::Mul(terms(g, i, count), terms(y, i, count)); });
  const auto t = hn::Set(d, static_cast<T>(total));
  for_each_pair(grad_in, g, y, n, [=](hn::Vec<decltype(d)> gradient, hn::Vec<decltype(d)> p) HWY_ATTR {
    return hn::Mul(hn::Sub(gradient, t), p);
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
