// What a device can compute: one table, a row per kernel, a column per device type. Backends fill their
// column (cpu/register.cpp, cuda/register.cpp); everything above calls launch() (launch.h).
//
// The caller has checked and allocated: outputs have their final shape and dtype, inputs the dtypes that
// the row says, all on one device; indices are the kernel's to check. Unless a row says otherwise,
// tensors may have any strides, may be empty, and an output overlaps an input only when both are the
// same view.
#pragma once

#include <ember/core/dims.h>
#include <ember/core/dtype.h>
#include <ember/core/generator.h>
#include <ember/core/optimizer_step.h>
#include <ember/core/params.h>
#include <ember/core/tensor_iterator.h>

namespace ember {

class Tensor;

// Distributions whose values are drawn one at a time, with the parameters a and b.
enum class Distribution : uint8_t {
  Normal,       // mean a, standard deviation b; `normal` is the same in groups
  LogNormal,    // exp of such a one
  Exponential,  // rate a
  Geometric,    // the number of trials up to the first success of probability a; any dtype but bool
  Cauchy,       // median a, half width at half maximum b
};

template <class Signature>
struct Kernel;
template <class... P>
struct Kernel<void(P...)> {
  using Function = void (*)(P...);
  const char* name;
  Function function[kNumDeviceTypes] = {nullptr, nullptr};
};

// Elementwise: operand 0 of the iterator is the output. Inputs may be scalars (iterator.is_scalar).
using ElementwiseKernel = Kernel<void(const TensorIterator&, const Params&)>;
// `out` is contiguous and has an element for each index of the dimensions that are not in the mask, in
// row-major order; with the others as 1 or left out. A 0-dimensional input comes with an empty mask.
using ReduceKernel = Kernel<void(const Tensor& out, const Tensor& in, DimMask dims)>;
// values (the input's dtype) and indices (int64) are such outputs for the one dimension `dim`. The first of
// equal elements wins; the first NaN wins over everything.
using ArgReduceKernel = Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim)>;
// A running reduction along one dimension, from its end with `reverse`; contiguous tensors of one shape and numeric
// dtype.
using ScanKernel = Kernel<void(const Tensor& out, const Tensor& in, int64_t dim, bool reverse)>;
// The same with the place of each extreme: the last of equal ones so far; a NaN wins over all before it.
using ArgScanKernel = Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim)>;
// Floating dtypes; all tensors contiguous and of one shape.
using SoftmaxKernel = Kernel<void(const Tensor& out, const Tensor& in, int64_t dim)>;
using SoftmaxBackwardKernel =
    Kernel<void(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim)>;

// How an element that is scattered meets the one that is there: Assign leaves the last of several.
enum class ScatterOp : uint8_t { Assign, Add, Multiply, Max, Min };

struct Kernels {
#define EMBER_UNARY(name, Functor, Set) ElementwiseKernel name{#name};
#define EMBER_BINARY(name, Functor, Set) ElementwiseKernel name{#name};
#define EMBER_COMPARE(name, Functor, Set) ElementwiseKernel name{#name};
#define EMBER_TERNARY(name, Functor, Set) ElementwiseKernel name{#name};
#include <ember/core/elementwise.def>
  // out = condition ? a : b; inputs: bool, then two of out's dtype (either may be scalar).
  ElementwiseKernel where{"where"};

  // out[i] = in[i], converting between any two dtypes as static_cast does (to bool: not zero).
  Kernel<void(const TensorIterator&)> copy{"copy"};
  // Every element of the iterator's one operand.
  Kernel<void(const TensorIterator&, const Scalar& value)> fill{"fill"};
  // out[i] = start + i·step, 1-dimensional and contiguous; integers exactly, in int64.
  Kernel<void(const Tensor& out, const Scalar& start, const Scalar& step)> arange{"arange"};
  // out[i] from start to end in equal steps, both ends exact, 1-dimensional and contiguous.
  Kernel<void(const Tensor& out, const Scalar& start, const Scalar& end)> linspace{"linspace"};

  // Σ in / divisor, accumulated in at least float precision (int64 for integers), fixed order. `out` is
  // of in's dtype or, for integral and bool inputs, int64.
  Kernel<void(const Tensor& out, const Tensor& in, DimMask dims, double divisor)> sum{"sum"};
  ReduceKernel amax{"amax"};  // NaN if any is NaN; no empty reductions
  ReduceKernel amin{"amin"};
  ArgReduceKernel max{"max"};  // no empty reductions
  ArgReduceKernel min{"min"};
  ReduceKernel prod{"prod"};  // `out` as for sum; 1 of nothing
  // The p-norm for any p, of floating dtypes: p = 0 counts what is not 0, ±inf is the largest or smallest magnitude.
  Kernel<void(const Tensor& out, const Tensor& in, DimMask dims, double p)> norm{"norm"};
  // Σ (x − mean)² / max(0, n − correction), or its root, and the mean; floating dtypes, outputs as for a reduction.
  Kernel<void(const Tensor& var, const Tensor& mean, const Tensor& in, DimMask dims, double correction, bool root)>
      var_mean{"var_mean"};

  // Accumulated in double (float for the 2-byte floats), integers wrap.
  ScanKernel cumsum{"cumsum"};
  ScanKernel cumprod{"cumprod"};
  ScanKernel logcumsumexp{"logcumsumexp"};  // floating
  ArgScanKernel cummax{"cummax"};
  ArgScanKernel cummin{"cummin"};
  // out[i] = a[i]·out[i − 1] + b[i] along `dim` (out[i + 1] with `reverse`); floating, contiguous, of one shape.
  Kernel<void(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim, bool reverse)> linear_recurrence{
      "linear_recurrence"};

  // Of each row of in[R, n]; all tensors contiguous, indices int64, any dtype. NaN is greater than everything and
  // NaNs are equal, as −0 and 0 are.
  // values[R, n], indices[R, n]; stable.
  Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in, bool descending)> sort{"sort"};
  // values[R, k], indices[R, k], k <= n; in order if `sorted`. Which of equal ones is unspecified.
  Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in, bool largest, bool sorted)> topk{"topk"};
  // values[R], indices[R], n >= 1: the k-th smallest, 1 <= k <= n.
  Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k)> kthvalue{"kthvalue"};
  // The lower median; the first NaN where there is one, unless they are ignored.
  Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in, bool ignore_nan)> median{"median"};
  // The smallest of the most frequent elements, at one of its places; each NaN is an element of its own.
  Kernel<void(const Tensor& values, const Tensor& indices, const Tensor& in)> mode{"mode"};
  // order[R], int64: the stable lexicographic order of the rows of in[R, n].
  Kernel<void(const Tensor& order, const Tensor& in)> sort_rows{"sort_rows"};
  // out[i], int64 or int32: how many of its row of boundaries are less than values[i] (or equal, with `right`).
  // boundaries[n], or [R, n] with values[R, m]; sorter, undefined or int64, has the order of the boundaries. One
  // numeric dtype for both; contiguous.
  Kernel<void(const Tensor& out, const Tensor& boundaries, const Tensor& values, const Tensor& sorter, bool right)>
      searchsorted{"searchsorted"};
  // counts[bins], int64: of the elements of a contiguous floating tensor that are in each of equal parts of [min, max].
  Kernel<void(const Tensor& counts, const Tensor& in, double min, double max)> histc{"histc"};

  SoftmaxKernel softmax{"softmax"};
  SoftmaxKernel log_softmax{"log_softmax"};
  SoftmaxBackwardKernel softmax_backward{"softmax_backward"};          // (g − Σ g·y)·y
  SoftmaxBackwardKernel log_softmax_backward{"log_softmax_backward"};  // g − exp(y)·Σ g

  // Of each row of in[R, n]: out = (in − mean)·rstd·weight + bias, rstd = 1 / √(variance + eps), the variance that of
  // n. weight and bias [n] or undefined; mean and rstd [R] of the compute dtype (float32 for the 2-byte floats).
  // Floating, contiguous, n > 0.
  Kernel<void(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& in, const Tensor& weight,
              const Tensor& bias, double eps)>
      layer_norm{"layer_norm"};
  // With h = grad_out·weight and x the normalised rows: grad_in = rstd·(h − mean h − x·mean(h·x)), and over the rows
  // grad_weight = Σ grad_out·x and grad_bias = Σ grad_out, [n] both. Those of the three that are undefined are not
  // made.
  Kernel<void(const Tensor& grad_in, const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& grad_out,
              const Tensor& in, const Tensor& mean, const Tensor& rstd, const Tensor& weight)>
      layer_norm_backward{"layer_norm_backward"};
  // Of scores in[R, C] and classes target[R], int64, some of which are `ignored`: log_sum[R, 2], of the compute dtype,
  // is the largest score of a row and the logarithm of Σ exp(score − largest); losses[R], in's dtype, is what the
  // class's log-probability lacks to 0, and 0 where ignored. Floating, contiguous, C > 0. A target outside of [0, C)
  // throws IndexError (CPU) or traps (CUDA).
  Kernel<void(const Tensor& losses, const Tensor& log_sum, const Tensor& in, const Tensor& target, int64_t ignored)>
      cross_entropy{"cross_entropy"};
  // The same with the mean of the losses in their place: `out`, one element of in's dtype, is Σ losses / count, where
  // `count`, one element of the compute dtype, becomes how many classes are not ignored. Where `count` is undefined, it
  // is Σ losses. R may be 0.
  Kernel<void(const Tensor& out, const Tensor& count, const Tensor& log_sum, const Tensor& in, const Tensor& target,
              int64_t ignored)>
      cross_entropy_total{"cross_entropy_total"};
  // grad_in[r, c] = grad[r] / count·(exp(log-probability) − [c = target[r]]), and 0 in ignored rows; grad[R] of in's
  // dtype, or one element for all rows, or undefined: 1; `count` as above, or undefined: 1.
  Kernel<void(const Tensor& grad_in, const Tensor& grad, const Tensor& count, const Tensor& log_sum, const Tensor& in,
              const Tensor& target, int64_t ignored)>
      cross_entropy_backward{"cross_entropy_backward"};
  // Of contiguous x and y of one shape and floating dtype: `out`, one element of it, is Σ (x − y)² / divisor,
  // accumulated as sums are; `grad`, unless it is undefined, is what mse_loss_backward makes with the factor 2 /
  // divisor.
  Kernel<void(const Tensor& out, const Tensor& grad, const Tensor& x, const Tensor& y, double divisor)> mse_loss{
      "mse_loss"};
  // grad_in = factor·grad·(x − y), all of one dtype and contiguous; grad is of x's shape, or one element for all, or
  // undefined: 1.
  Kernel<void(const Tensor& grad_in, const Tensor& grad, const Tensor& x, const Tensor& y, double factor)>
      mse_loss_backward{"mse_loss_backward"};

  // out[B,m,n] = beta·out + alpha·a[B,m,k]·b[B,k,n], or all three without the batch; any dtype but bool, one for all
  // three. `out` is row-major within a matrix (its last stride is 1 or n is 1), any batch stride; with
  // beta == 0 its contents (NaN too) are ignored. k may be 0. a and b may have any strides (a batch
  // stride of 0 included); what a transpose or a slice of rows gives is not copied.
  Kernel<void(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta)> matmul{"matmul"};
  // out[m,n] = bias[n] + a[m,k]·b[k,n], of such dtypes and strides; what `out` held is ignored. k may be 0.
  Kernel<void(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias)> matmul_bias{"matmul_bias"};

  // index is int64; an index outside [0, size) throws IndexError (CPU) or traps (CUDA); negative indices
  // are out of range here. Scatters add in the order of the index, without atomics.
  // out[…, i, …] = in[…, index[i], …]
  Kernel<void(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index)> index_select{"index_select"};
  // out[…, index[i], …] += src[…, i, …]
  Kernel<void(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src)> index_add{"index_add"};
  // out[p] = in[p with p[dim] replaced by index[p]]; out has index's shape, which is no larger than in's but in dim
  Kernel<void(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index)> gather{"gather"};
  // out[p with p[dim] replaced by index[p]] += src[p] over index's shape
  Kernel<void(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src)> scatter_add{"scatter_add"};
  // The same with another operation in the place of +=.
  Kernel<void(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, ScatterOp op)> scatter{"scatter"};
  // out[…, index[i], …] = src[…, i, …]; the last of equal indices stays. `unique`: there are none, or all bring one
  // value.
  Kernel<void(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, bool unique)> index_copy{
      "index_copy"};
  // offsets[i] = (first ? 0 : offsets[i]) + index[i]·stride over two int64 tensors of one shape, `offsets` contiguous;
  // an index is in [-size, size), the negative ones counting from the end. `dim` is for the message.
  Kernel<void(const Tensor& offsets, const Tensor& index, int64_t dim, int64_t size, int64_t stride, bool first)> index{
      "index"};
  // Makes `out` int64 of sizes [count, in.dim()] and strides [1, count]: where `in` is not zero, in row-major order.
  // Waits for the device, since only it knows the count.
  Kernel<void(Tensor& out, const Tensor& in)> nonzero{"nonzero"};

  // LU factors with partial pivoting, in place, as LAPACK's getrf has them: a is [B, n, n], float32 or float64, of
  // column-major matrices (strides n·n, 1, n); pivots int32 [B, n]: row i was swapped with row pivots[i] − 1; info
  // int32 [B]: 0, or the first i, from 1, for which U[i, i] is 0.
  Kernel<void(const Tensor& a, const Tensor& pivots, const Tensor& info)> lu{"lu"};
  // The solution of A·x = b (or Aᵀ·x = b) from such factors, in place of b: x is [B, n, k], column-major.
  Kernel<void(const Tensor& lu, const Tensor& pivots, const Tensor& x, bool transposed)> lu_solve{"lu_solve"};

  // One step for a list of parameters on one device, all of one dtype (float32 or float64, on CUDA also the 2-byte
  // floats, in float32), whose arrays do not overlap but where they are the same.
  Kernel<void(Device device, ScalarType dtype, ArrayRef<SgdArrays> list, const SgdStep& step)> sgd{"sgd"};
  Kernel<void(Device device, ScalarType dtype, ArrayRef<AdamArrays> list, const AdamStep& step)> adam{"adam"};
  // The Euclidean norm of everything in the list, and the list times min(1, max_norm / (norm + 1e-6)), or times NaN.
  // Floating dtypes; `norm` is one number, float64 for float64 and else float32. Nothing is waited for.
  Kernel<void(Device device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm)> list_norm{
      "list_norm"};
  Kernel<void(Device device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm, double max_norm)>
      list_clip{"list_clip"};

  // Random fills of a contiguous tensor. On the CPU they draw as PyTorch does.
  Kernel<void(const Tensor& out, double from, double to, Generator&)> uniform{"uniform"};  // floating, [from, to)
  Kernel<void(const Tensor& out, double mean, double std, Generator&)> normal{"normal"};   // floating
  Kernel<void(const Tensor& out, double p, Generator&)> bernoulli{"bernoulli"};            // any dtype, 0 or 1
  // Integers in [from, from + range), any dtype; range 0 stands for 2^64. `wide`: whether PyTorch draws 64 bits.
  Kernel<void(const Tensor& out, int64_t from, uint64_t range, bool wide, Generator&)> random{"random"};
  // Floating dtypes but where said.
  Kernel<void(const Tensor& out, Distribution, double a, double b, Generator&)> distribution{"distribution"};
  // out[i, …] are indices (int64) into row i of weights [rows, n], drawn with replacement; all contiguous, weights
  // floating, finite, not negative and not all 0.
  Kernel<void(const Tensor& out, const Tensor& weights, Generator&)> multinomial{"multinomial"};
};

// The one table. Zero-initialised; filled by the first launch.
extern Kernels kernels;

}  // namespace ember
