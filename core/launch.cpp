#include <ember/core/backend.h>
#include <ember/core/launch.h>
#include <ember/core/product_kernels.h>

namespace ember {

constinit Kernels kernels;
constinit ProductKernels product_kernels;

namespace detail {

void throw_no_kernel(const char* kernel, Device device) {
  throw NotImplementedError(concat(kernel, ": there is no kernel for ", device));
}

void note_numbers(const char* kernel, const TensorIterator& iter) {
  for (int i = 0; i < iter.num_operands(); ++i) {
    if (iter.is_scalar(i)) HostNumbers::current()->note(kernel, iter.scalar(i));
  }
}
void note_numbers(const char* kernel, const Params& params) {
  for (const Scalar* number : {&params.a, &params.b, &params.c}) HostNumbers::current()->note(kernel, *number);
}

void rethrow_from_kernel(const char* kernel) {
  try {
    throw;
  } catch (Error& error) {
    error.prepend(concat(kernel, ": "));
    throw;
  }
}

}  // namespace detail

}  // namespace ember
