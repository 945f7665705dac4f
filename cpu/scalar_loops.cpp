// Inner loops of the costly functions, one element at a time by the C library: what has a vector version replaces it.
// Compiled once, since an instruction set makes no difference here.
#include <ember/cpu/loops.h>

namespace ember::cpu {

namespace {

template <class F, class T>
void unary_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i]);
}

template <class F, class T>
void binary_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
}

template <template <class> class F, class... T>
void fill_unary_row(LoopRow& row, TypeList<T...>) {
  ((row[dtype_of_v<T>] = &unary_loop<F<T>, T>), ...);
}
template <template <class> class F, class... T>
void fill_binary_row(LoopRow& row, TypeList<T...>) {
  ((row[dtype_of_v<T>] = &binary_loop<F<T>, T>), ...);
}

}  // namespace

void fill_scalar_loops(Loops& loops) {
#define EMBER_UNARY_MATH(name, Functor, Set) \
  fill_unary_row<functors::Functor>(loops.name, ComputeTypes<DtypeSet::Set>::List{});
#define EMBER_UNARY_SPECIAL EMBER_UNARY_MATH
#define EMBER_UNARY_ACTIVATION EMBER_UNARY_MATH
#define EMBER_BINARY_ACTIVATION(name, Functor, Set) \
  fill_binary_row<functors::Functor>(loops.name, ComputeTypes<DtypeSet::Set>::List{});
#define EMBER_BINARY_MATH EMBER_BINARY_ACTIVATION
#include <ember/core/elementwise.def>
}

}  // namespace ember::cpu
