// What an elementwise kernel takes beside its operands. Apart from the functors, so that a change to one of those
// recompiles the kernels only.
#pragma once

#include <ember/core/scalar.h>

namespace ember {

// What the numbers mean is said at the functor.
struct Params {
  Scalar a;
  Scalar b;
  Scalar c{};
};

}  // namespace ember
