#include <ember/core/backend.h>
#include <ember/core/launch.h>
#include <ember/core/product_kernels.h>

#include <cstdlib>

namespace ember {

constinit Kernels kernels;
constinit ProductKernels product_kernels;

namespace detail {

bool profiler_ranges = [] {
  const char* text = std::getenv("EMBER_NVTX");
  return text != nullptr && text[0] != '\0' && !(text[0] == '0' && text[1] == '\0');
}();

void throw_no_kernel(const char* kernel, Device device) {
  throw NotImplementedError(concat(kernel, ": there is no kernel for ", device));
}

void ProfilerRange::push(const char* name) noexcept {
  if (Backend* b = backend_or_null(device_.type())) b->range_push(name);
}

void ProfilerRange::pop() noexcept {
  if (Backend* b = backend_or_null(device_.type())) b->range_pop();
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

void set_profiler_ranges(bool enabled) { detail::profiler_ranges = enabled; }

}  // namespace ember
