// The kernels of the CPU, by subject, for register.cpp.
#pragma once

#include <ember/core/product_kernels.h>
#include <ember/core/tensor.h>

namespace ember::cpu {

// Fills the CPU's column of the kernel table.
void register_kernels();

// reduce.cpp
void sum(const Tensor& out, const Tensor& in, DimMask dims, double divisor);
void amax(const Tensor& out, const Tensor& in, DimMask dims);
void amin(const Tensor& out, const Tensor& in, DimMask dims);
void prod(const Tensor& out, const Tensor& in, DimMask dims);
// moments.cpp
void norm(const Tensor& out, const Tensor& in, DimMask dims, double p);
void var_mean(const Tensor& var, const Tensor& mean, const Tensor& in, DimMask dims, double correction, bool root);
// arg_reduce.cpp
void max(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim);
void min(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim);
// scan.cpp
void cumsum(const Tensor& out, const Tensor& in, int64_t dim, bool reverse);
void cumprod(const Tensor& out, const Tensor& in, int64_t dim, bool reverse);
void logcumsumexp(const Tensor& out, const Tensor& in, int64_t dim, bool reverse);
void cummax(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim);
void cummin(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim);
void linear_recurrence(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim, bool reverse);
// sort.cpp
void sort(const Tensor& values, const Tensor& indices, const Tensor& in, bool descending);
void sort_rows(const Tensor& order, const Tensor& in);
// select.cpp
void topk(const Tensor& values, const Tensor& indices, const Tensor& in, bool largest, bool sorted);
void kthvalue(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k);
void median(const Tensor& values, const Tensor& indices, const Tensor& in, bool ignore_nan);
void mode(const Tensor& values, const Tensor& indices, const Tensor& in);
// search.cpp
void searchsorted(const Tensor& out, const Tensor& boundaries, const Tensor& values, const Tensor& sorter, bool right);
void histc(const Tensor& counts, const Tensor& in, double min, double max);
// softmax.cpp
void softmax(const Tensor& out, const Tensor& in, int64_t dim);
void log_softmax(const Tensor& out, const Tensor& in, int64_t dim);
void softmax_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim);
void log_softmax_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim);
// matmul.cpp
void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta);
void matmul_bias(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias);
void matmul_row_sums(const Tensor& out, const Tensor& sums, const Tensor& a, const Tensor& b);
// matmul_activation.cpp
void matmul_activation(const Tensor& out, Tensor* saved, const Tensor& a, const Tensor& b, const Tensor& bias,
                       Activation activation);
void matmul_activation_backward(const Tensor& out, Tensor* sums, const Tensor& a, const Tensor& b, const Tensor& result,
                                const Tensor& saved, Activation activation);
// lu.cpp
void lu(const Tensor& a, const Tensor& pivots, const Tensor& info);
void lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& x, bool transposed);
// index.cpp
void index_select(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index);
void index_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src);
void gather(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index);
void scatter_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src);
void scatter(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, ScatterOp op);
void index_copy(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, bool unique);
void index(const Tensor& offsets, const Tensor& index, int64_t dim, int64_t size, int64_t stride, bool first);
// nonzero.cpp
void nonzero(Tensor& out, const Tensor& in);
// row_kernels.cpp
void layer_norm(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& in, const Tensor& weight,
                const Tensor& bias, double eps);
void layer_norm_backward(const Tensor& grad_in, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_out, const Tensor& in, const Tensor& mean, const Tensor& rstd,
                         const Tensor& weight);
void cross_entropy(const Tensor& losses, const Tensor& log_sum, const Tensor& in, const Tensor& target,
                   int64_t ignored);
void cross_entropy_total(const Tensor& out, const Tensor& count, const Tensor& log_sum, const Tensor& in,
                         const Tensor& target, int64_t ignored);
void cross_entropy_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& count, const Tensor& log_sum,
                            const Tensor& in, const Tensor& target, int64_t ignored);
// mse_loss.cpp
void mse_loss(const Tensor& out, const Tensor& grad, const Tensor& x, const Tensor& y, double divisor);
void mse_loss_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& x, const Tensor& y, double factor);
// optimizer.cpp
void sgd(Device device, ScalarType dtype, ArrayRef<SgdArrays> list, const SgdStep& step);
void adam(Device device, ScalarType dtype, ArrayRef<AdamArrays> list, const AdamStep& step);
void list_norm(Device device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm);
void list_clip(Device device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm, double max_norm);
// random.cpp
void uniform(const Tensor& out, double from, double to, Generator& generator);
void normal(const Tensor& out, double mean, double std, Generator& generator);
void bernoulli(const Tensor& out, double p, Generator& generator);
void random(const Tensor& out, int64_t from, uint64_t range, bool wide, Generator& generator);
void distribution(const Tensor& out, Distribution kind, double a, double b, Generator& generator);
void multinomial(const Tensor& out, const Tensor& weights, Generator& generator);
// range.cpp
void arange(const Tensor& out, const Scalar& start, const Scalar& step);
void linspace(const Tensor& out, const Scalar& start, const Scalar& end);

}  // namespace ember::cpu
