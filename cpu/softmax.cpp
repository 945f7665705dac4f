// Softmax, log_softmax and their gradients along any dimension of contiguous tensors.
#include <algorithm>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>
#include <ember/cpu/softmax_loops.h>

namespace ember::cpu {

namespace {

// Calls f(offset, columns) for the panels of [outer, n, inner]: whole rows where inner is 1, else groups
// of columns.
struct Panels {
  int64_t n = 1;
  int64_t inner = 1;
  int64_t outer = 1;

  Panels(const Tensor& t, int64_t dim) {
    for (int64_t d = 0; d < t.dim(); ++d) {
      int64_t& size = d < dim ? outer : d == dim ? n : inner;
      size *= t.size(d);
    }
  }

  template <class F>
  void for_each(F f) const {
    if (n * outer * inner == 0) return;
    const int64_t groups = (inner + kPanelWidth - 1) / kPanelWidth;
    const int64_t cost = n * std::min(inner, kPanelWidth);
    parallel_for(0, outer * groups, std::max<int64_t>(1, kMathGrain / cost), [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t column = task % groups * kPanelWidth;
        f(task / groups * n * inner + column, std::min(kPanelWidth, inner - column));
      }
    });
  }
};

// A panel of 2-byte floats as float, dense.
template <class T>
void load_panel(std::vector<float>& to, const T* from, int64_t n, int64_t w, int64_t stride) {
  to.resize(static_cast<size_t>(n * w));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < w; ++j) to[static_cast<size_t>(i * w + j)] = from[i * stride + j];
  }
}
template <class T>
void store_panel(T* to, const std::vector<float>& from, int64_t n, int64_t w, int64_t stride) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < w; ++j) to[i * stride + j] = T(from[static_cast<size_t>(i * w + j)]);
  }
}

void run_forward(const Tensor& out, const Tensor& in, int64_t dim, bool log) {
  const Panels panels(in, dim);
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const SoftmaxLoops loops = softmax_loops<C>();
    const T* const x = static_cast<const T*>(in.data_ptr());
    T* const y = static_cast<T*>(out.data_ptr());
    panels.for_each([&](int64_t offset, int64_t w) {
      if constexpr (std::is_same_v<T, C>) {
        loops.forward(y + offset, x + offset, panels.n, w, panels.inner, log);
      } else {
        static thread_local std::vector<float> buffer;
        load_panel(buffer, x + offset, panels.n, w, panels.inner);
        loops.forward(buffer.data(), buffer.data(), panels.n, w, w, log);
        store_panel(y + offset, buffer, panels.n, w, panels.inner);
      }
    });
  });
}

void run_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim, bool log) {
  const Panels panels(out, dim);
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const SoftmaxLoops loops = softmax_loops<C>();
    const T* const g = static_cast<const T*>(grad_out.data_ptr());
    const T* const y = static_cast<const T*>(out.data_ptr());
    T* const result = static_cast<T*>(grad_in.data_ptr());
    panels.for_each([&](int64_t offset, int64_t w) {
      if constexpr (std::is_same_v<T, C>) {
        loops.backward(result + offset, g + offset, y + offset, panels.n, w, panels.inner, log);
      } else {
        static thread_local std::vector<float> g_buffer, y_buffer;
        load_panel(g_buffer, g + offset, panels.n, w, panels.inner);
        load_panel(y_buffer, y + offset, panels.n, w, panels.inner);
        loops.backward(g_buffer.data(), g_buffer.data(), y_buffer.data(), panels.n, w, w, log);
        store_panel(result + offset, g_buffer, panels.n, w, panels.inner);
      }
    });
  });
}

}  // namespace

void softmax(const Tensor& out, const Tensor& in, int64_t dim) { run_forward(out, in, dim, false); }
void log_softmax(const Tensor& out, const Tensor& in, int64_t dim) { run_forward(out, in, dim, true); }
void softmax_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim) {
  run_backward(grad_in, grad_out, out, dim, false);
}
void log_softmax_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim) {
  run_backward(grad_in, grad_out, out, dim, true);
}

}  // namespace ember::cpu
