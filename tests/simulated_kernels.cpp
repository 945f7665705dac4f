// A kernel of a simulated device is that of the CPU, run when its turn comes in the current stream.
#include "simulated_kernels.h"

#include <tuple>
#include <type_traits>
#include <utility>

#include <ember/autograd/functions.h>
#include <ember/core/kernels.h>
#include <ember/core/product_kernels.h>

namespace ember::test {

namespace {

// Arguments as a kernel gets them that runs later. Of tensors only where their elements are: the memory may be freed
// and given to others by then, as on a device.
Tensor keep(const Tensor& t) {
  if (!t.defined()) return {};
  return from_blob(t.data_ptr(), t.sizes(), t.strides(), TensorOptions(t.dtype()));
}
template <class T>
T keep(const T& value) {
  return value;
}

// Whether a kernel with this parameter may run after the call has returned.
template <class P>
constexpr bool may_be_late =
    std::is_same_v<P, const Tensor&> || std::is_same_v<P, const TensorIterator&> || std::is_same_v<P, const Params&> ||
    std::is_same_v<P, const Scalar&> || std::is_arithmetic_v<P> || std::is_enum_v<P> || std::is_same_v<P, DimMask>;

Device device_of(const Tensor& t) { return t.device(); }
Device device_of(const TensorIterator& iter) { return iter.device(); }
Device device_of(Device device) { return device; }

template <auto Row>
struct Simulated;

template <class Table, class... P, Kernel<void(P...)> Table::*Row>
struct Simulated<Row> {
  static Table& table() {
    if constexpr (std::is_same_v<Table, Kernels>) {
      return kernels;
    } else {
      return product_kernels;
    }
  }
  static void call(P... arguments) {
    const Device device = device_of(std::get<0>(std::forward_as_tuple(arguments...)));
    const auto kernel = (table().*Row).function[static_cast<size_t>(kCPU)];
    if constexpr ((may_be_late<P> && ...)) {
      queue_on_current(device, [kernel, kept = std::make_tuple(keep(arguments)...)] { std::apply(kernel, kept); });
    } else {
      finish_current(device);
      kernel(std::forward<P>(arguments)...);
    }
  }
  static void add() { (table().*Row).function[static_cast<size_t>(kCUDA)] = call; }
};

template <auto... Rows>
void add() {
  (Simulated<Rows>::add(), ...);
}

}  // namespace

void register_simulated_kernels() {
#define EMBER_ROW(name, Functor, Set) add<&Kernels::name>();
#define EMBER_UNARY EMBER_ROW
#define EMBER_BINARY EMBER_ROW
#define EMBER_COMPARE EMBER_ROW
#define EMBER_TERNARY EMBER_ROW
#include <ember/core/elementwise.def>
  using K = Kernels;
  add<&K::where, &K::copy, &K::fill, &K::arange, &K::linspace>();
  add<&K::sum, &K::amax, &K::amin, &K::max, &K::min, &K::prod, &K::norm, &K::var_mean>();
  add<&K::cumsum, &K::cumprod, &K::logcumsumexp, &K::cummax, &K::cummin, &K::linear_recurrence>();
  add<&K::sort, &K::topk, &K::kthvalue, &K::median, &K::mode, &K::sort_rows, &K::searchsorted, &K::histc>();
  add<&K::softmax, &K::log_softmax, &K::softmax_backward, &K::log_softmax_backward>();
  add<&K::layer_norm, &K::layer_norm_backward, &K::mse_loss, &K::mse_loss_backward>();
  add<&K::cross_entropy, &K::cross_entropy_total, &K::cross_entropy_backward>();
  add<&K::matmul, &K::matmul_bias>();
  add<&K::index_select, &K::index_add, &K::gather, &K::scatter_add, &K::scatter, &K::index_copy, &K::index>();
  add<&K::nonzero, &K::lu, &K::lu_solve, &K::sgd, &K::adam, &K::list_norm, &K::list_clip>();
  add<&K::uniform, &K::normal, &K::bernoulli, &K::random, &K::distribution, &K::multinomial>();
  using P = ProductKernels;
  add<&P::matmul_row_sums, &P::matmul_activation, &P::matmul_activation_backward>();
  // The CPU has none, and that of a real device would take the host's memory for its own.
  product_kernels.linear_backward.function[static_cast<size_t>(kCUDA)] = nullptr;
}

}  // namespace ember::test
