#include <ember/cpu/register.h>

#include <ember/cpu/elementwise.h>
#include <ember/cpu/reduce.h>

namespace ember::cpu {

namespace {
template <class Kernel>
void set(Kernel& kernel, typename Kernel::Function function) {
  kernel.function[static_cast<size_t>(kCPU)] = function;
}
}  // namespace

void register_kernels() {
  fill_loops();
  fill_reduce_loops();
#define EMBER_UNARY(name, Functor, Set) set(kernels.name, &elementwise<&Loops::name, DtypeSet::Set>);
#define EMBER_BINARY(name, Functor, Set) set(kernels.name, &elementwise<&Loops::name, DtypeSet::Set>);
#define EMBER_BINARY_MATH(name, Functor, Set) set(kernels.name, &elementwise<&Loops::name, DtypeSet::Set, true>);
#define EMBER_TERNARY(name, Functor, Set) set(kernels.name, &elementwise<&Loops::name, DtypeSet::Set>);
#define EMBER_COMPARE(name, Functor, Set) set(kernels.name, &compare<&Loops::name, DtypeSet::Set>);
#include <ember/core/elementwise.def>
  set(kernels.where, &where);
  set(kernels.copy, &copy);
  set(kernels.layer_norm, &layer_norm);
  set(kernels.layer_norm_backward, &layer_norm_backward);
  set(kernels.cross_entropy, &cross_entropy);
  set(kernels.cross_entropy_total, &cross_entropy_total);
  set(kernels.cross_entropy_backward, &cross_entropy_backward);
  set(kernels.mse_loss, &mse_loss);
  set(kernels.mse_loss_backward, &mse_loss_backward);
  set(kernels.sgd, &sgd);
  set(kernels.adam, &adam);
  set(kernels.list_norm, &list_norm);
  set(kernels.list_clip, &list_clip);
  set(kernels.fill, &fill);
  set(kernels.arange, &arange);
  set(kernels.linspace, &linspace);
  set(kernels.sum, &sum);
  set(kernels.amax, &amax);
  set(kernels.amin, &amin);
  set(kernels.max, &max);
  set(kernels.min, &min);
  set(kernels.prod, &prod);
  set(kernels.norm, &norm);
  set(kernels.var_mean, &var_mean);
  set(kernels.cumsum, &cumsum);
  set(kernels.cumprod, &cumprod);
  set(kernels.logcumsumexp, &logcumsumexp);
  set(kernels.cummax, &cummax);
  set(kernels.cummin, &cummin);
  set(kernels.linear_recurrence, &linear_recurrence);
  set(kernels.sort, &sort);
  set(kernels.topk, &topk);
  set(kernels.kthvalue, &kthvalue);
  set(kernels.median, &median);
  set(kernels.mode, &mode);
  set(kernels.sort_rows, &sort_rows);
  set(kernels.searchsorted, &searchsorted);
  set(kernels.histc, &histc);
  set(kernels.softmax, &softmax);
  set(kernels.log_softmax, &log_softmax);
  set(kernels.softmax_backward, &softmax_backward);
  set(kernels.log_softmax_backward, &log_softmax_backward);
  set(kernels.matmul, &matmul);
  set(kernels.matmul_bias, &matmul_bias);
  set(product_kernels.matmul_row_sums, &matmul_row_sums);
  set(product_kernels.matmul_activation, &matmul_activation);
  set(product_kernels.matmul_activation_backward, &matmul_activation_backward);
  set(kernels.lu, &lu);
  set(kernels.lu_solve, &lu_solve);
  set(kernels.index_select, &index_select);
  set(kernels.index_add, &index_add);
  set(kernels.gather, &gather);
  set(kernels.scatter_add, &scatter_add);
  set(kernels.scatter, &scatter);
  set(kernels.index_copy, &index_copy);
  set(kernels.index, &index);
  set(kernels.nonzero, &nonzero);
  set(kernels.uniform, &uniform);
  set(kernels.normal, &normal);
  set(kernels.bernoulli, &bernoulli);
  set(kernels.random, &random);
  set(kernels.distribution, &distribution);
  set(kernels.multinomial, &multinomial);
}

}  // namespace ember::cpu
