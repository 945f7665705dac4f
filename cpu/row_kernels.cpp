// Layer norm and cross-entropy: row by row, each row read while it is in the cache. Rows of 2-byte floats are converted
// on the way. Sums over rows are made of fixed blocks of rows, so that they are the same on any number of threads.
#include <algorithm>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/register.h>
#include <ember/cpu/row_buffers.h>
#include <ember/cpu/row_loops.h>

namespace ember::cpu {

namespace {

int64_t rows_per_thread(int64_t n) { return std::max<int64_t>(1, kGrain / 4 / std::max<int64_t>(1, n)); }

// Blocks of rows whose sums are made one after the other; so few that their partial sums stay small beside the rows.
int64_t rows_per_block(int64_t rows) { return std::clamp<int64_t>((rows + 15) / 16, 8, 256); }

}  // namespace

void layer_norm(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& in, const Tensor& weight,
                const Tensor& bias, double eps) {
  const int64_t n = in.size(1);
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    T* const means = static_cast<T*>(mean.data_ptr());
    T* const rstds = static_cast<T*>(rstd.data_ptr());
    const RowLoops<T>& loop = row_loops<T>();
    parallel_for(0, in.size(0), rows_per_thread(n), [&](int64_t begin, int64_t end) {
      Source<E> x(in), w(weight), b(bias);
      Sink<E> y(out);
      const T* const scale = w.get(0, n);
      const T* const shift = b.get(0, n);
      for (int64_t r = begin; r < end; ++r) {
        loop.normalise(y.get(r * n, n), means + r, rstds + r, x.get(r * n, n), scale, shift, n, static_cast<T>(eps));
        y.put(r * n, n);
      }
    });
  });
}

namespace {

void layer_norm_input_gradient(const Tensor& grad_in, const Tensor& grad_out, const Tensor& in, const Tensor& mean,
                               const Tensor& rstd, const Tensor& weight) {
  const int64_t n = in.size(1);
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    const T* const means = static_cast<const T*>(mean.data_ptr());
    const T* const rstds = static_cast<const T*>(rstd.data_ptr());
    const RowLoops<T>& loop = row_loops<T>();
    parallel_for(0, in.size(0), rows_per_thread(n), [&](int64_t begin, int64_t end) {
      Source<E> g(grad_out), x(in), w(weight);
      Sink<E> y(grad_in);
      const T* const scale = w.get(0, n);
      for (int64_t r = begin; r < end; ++r) {
        loop.normalise_backward(y.get(r * n, n), g.get(r * n, n), x.get(r * n, n), means[r], rstds[r], scale, n);
        y.put(r * n, n);
      }
    });
  });
}

void layer_norm_parameter_gradients(const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& grad_out,
                                    const Tensor& in, const Tensor& mean, const Tensor& rstd) {
  const int64_t rows = in.size(0), n = in.size(1);
  const int64_t block = rows_per_block(rows), blocks = std::max<int64_t>(1, (rows + block - 1) / block);
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    const T* const means = static_cast<const T*>(mean.data_ptr());
    const T* const rstds = static_cast<const T*>(rstd.data_ptr());
    const RowLoops<T>& loop = row_loops<T>();
    const auto size = static_cast<size_t>(blocks * n);
    std::vector<T> weight_sums(grad_weight.defined() ? size : 0), bias_sums(grad_bias.defined() ? size : 0);
    const auto at = [n](std::vector<T>& sums, int64_t i) { return sums.empty() ? nullptr : sums.data() + i * n; };
    parallel_for(0, blocks, std::max<int64_t>(1, rows_per_thread(n) / block), [&](int64_t first, int64_t last) {
      Source<E> g(grad_out), x(in);
      for (int64_t i = first; i < last; ++i) {
        for (int64_t r = i * block; r < std::min(rows, (i + 1) * block); ++r) {
          loop.normalise_weight_backward(at(weight_sums, i), at(bias_sums, i), g.get(r * n, n), x.get(r * n, n),
                                         means[r], rstds[r], n);
        }
      }
    });
    const auto finish = [&](std::vector<T>& sums, const Tensor& out) {
      if (!out.defined()) return;
      for (int64_t step = 1; step < blocks; step *= 2) {  // a balanced tree
        for (int64_t i = 0; i + step < blocks; i += 2 * step) {
          for (int64_t j = 0; j < n; ++j)
            sums[static_cast<size_t>(i * n + j)] += sums[static_cast<size_t>((i + step) * n + j)];
        }
      }
      convert(dtype_of_v<T>, dtype_of_v<E>, out.data_ptr(), sums.data(), n);
    };
    finish(weight_sums, grad_weight);
    finish(bias_sums, grad_bias);
  });
}

}  // namespace

void layer_norm_backward(const Tensor& grad_in, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_out, const Tensor& in, const Tensor& mean, const Tensor& rstd,
                         const Tensor& weight) {
  if (grad_in.defined()) layer_norm_input_gradient(grad_in, grad_out, in, mean, rstd, weight);
  if (grad_weight.defined() || grad_bias.defined()) {
    layer_norm_parameter_gradients(grad_weight, grad_bias, grad_out, in, mean, rstd);
  }
}

void cross_entropy(const Tensor& losses, const Tensor& log_sum, const Tensor& in, const Tensor& target,
                   int64_t ignored) {
  const int64_t n = in.size(1);
  const int64_t* const classes = static_cast<const int64_t*>(target.data_ptr());
  for (int64_t r = 0; r < in.size(0); ++r) {
    EMBER_CHECK_INDEX(classes[r] == ignored || (classes[r] >= 0 && classes[r] < n), "index ", classes[r],
                      " is out of range for dimension 1 of size ", n);
  }
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    T* const sums = static_cast<T*>(log_sum.data_ptr());
    E* const out = static_cast<E*>(losses.data_ptr());
    const RowLoops<T>& loop = row_loops<T>();
    parallel_for(0, in.size(0), rows_per_thread(n), [&](int64_t begin, int64_t end) {
      Source<E> source(in);
      for (int64_t r = begin; r < end; ++r) {
        const T* const x = source.get(r * n, n);
        T* const largest = sums + 2 * r;
        loop.log_sum(largest, largest + 1, x, n);
        out[r] = classes[r] == ignored ? E(T(0)) : static_cast<E>(largest[1] - (x[classes[r]] - largest[0]));
      }
    });
  });
}

void cross_entropy_total(const Tensor& out, const Tensor& count, const Tensor& log_sum, const Tensor& in,
                         const Tensor& target, int64_t ignored) {
  const int64_t rows = in.size(0);
  const Tensor losses = detail::empty({rows}, in.scalar_type(), in.device());
  cross_entropy(losses, log_sum, in, target, ignored);
  double divisor = 1;
  if (count.defined()) {
    const int64_t* const classes = static_cast<const int64_t*>(target.data_ptr());
    divisor = static_cast<double>(rows - std::count(classes, classes + rows, ignored));
    visit_dtype<DtypeSet::Floating>(count.dtype(),
                                    [&]<class T>() { *static_cast<T*>(count.data_ptr()) = static_cast<T>(divisor); });
  }
  sum(out, losses, 1, divisor);
}

void cross_entropy_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& count, const Tensor& log_sum,
                            const Tensor& in, const Tensor& target, int64_t ignored) {
  const int64_t n = in.size(1);
  const int64_t* const classes = static_cast<const int64_t*>(target.data_ptr());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    const T* const sums = static_cast<const T*>(log_sum.data_ptr());
    const E* const scales = grad.defined() ? static_cast<const E*>(grad.data_ptr()) : nullptr;
    const T divisor = count.defined() ? *static_cast<const T*>(count.data_ptr()) : T(1);
    const int64_t step = scales == nullptr || grad.numel() == 1 ? 0 : 1;
    const RowLoops<T>& loop = row_loops<T>();
    parallel_for(0, in.size(0), rows_per_thread(n), [&](int64_t begin, int64_t end) {
      Source<E> x(in);
      Sink<E> sink(grad_in);
      for (int64_t r = begin; r < end; ++r) {
        T* const y = sink.get(r * n, n);
        if (classes[r] == ignored) {
          std::fill_n(y, n, T(0));
        } else {
          const T scale = (scales == nullptr ? T(1) : static_cast<T>(scales[r * step])) / divisor;
          loop.scaled_softmax(y, x.get(r * n, n), sums[2 * r], sums[2 * r + 1], scale, n);
          y[classes[r]] -= scale;
        }
        sink.put(r * n, n);
      }
    });
  });
}

}  // namespace ember::cpu
