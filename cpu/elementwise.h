// Runs an inner loop over a TensorIterator: threads, layouts, conversions.
#pragma once

#include <type_traits>

#include <ember/cpu/loops.h>
#include <ember/cpu/strided_copy.h>

namespace ember::cpu {

// Pieces of fewer elements are not worth a thread: for a pass over memory, and for a costly function.
inline constexpr int64_t kGrain = 32768;
inline constexpr int64_t kMathGrain = 4096;

// The loops of one operation and type.
struct LoopSet {
  Loop dense;
  Loop constant[TensorIterator::kMaxOperands] = {};  // where operand i, and no other, is one value; or null
};

// Runs the loop, which takes operands of types[i] (operand 0 is the output), over the iterator. Operands of
// another type are converted on the way, scalars too.
void run_elementwise(const TensorIterator& iter, const LoopSet& loop_set, const ScalarType* types, const Params& params,
                     int64_t grain = kGrain);

constexpr ScalarType compute_dtype(ScalarType t) { return t == kFloat16 || t == kBFloat16 ? kFloat32 : t; }

// The kernels of elementwise.def, for the kernel table.
template <auto Row, DtypeSet Set, bool Costly = false>
void elementwise(const TensorIterator& iter, const Params& params) {
  const ScalarType t = compute_dtype(iter.dtype(0));
  const ScalarType types[TensorIterator::kMaxOperands] = {t, t, t, t};
  const auto& row = loops.*Row;
  const Loop dense = row[t];
  if (dense == nullptr) detail::throw_unsupported_dtype(iter.dtype(0), Set);
  if (iter.is_alike() && iter.dtype(0) == t && iter.numel() <= kMathGrain) {  // the small operations
    char* pointers[TensorIterator::kMaxOperands];
    for (int i = 0; i < iter.num_operands(); ++i) pointers[i] = iter.data(i);
    return dense(pointers, iter.numel(), params);
  }
  LoopSet loop_set{dense};
  if constexpr (std::is_same_v<decltype(Row), BinaryRow Loops::*>) {
    loop_set.constant[1] = row.constant_first[t];
    loop_set.constant[2] = row.constant_second[t];
  }
  // Functions of floating types only are the costly ones.
  const bool costly = Costly || (Set == DtypeSet::Floating && iter.num_operands() == 2);
  run_elementwise(iter, loop_set, types, params, costly ? kMathGrain : kGrain);
}

template <LoopRow Loops::*Row, DtypeSet Set>
void compare(const TensorIterator& iter, const Params& params) {
  const ScalarType t = compute_dtype(iter.dtype(iter.is_scalar(1) ? 2 : 1));
  const ScalarType types[] = {kBool, t, t};
  const Loop loop = (loops.*Row)[t];
  if (loop == nullptr) detail::throw_unsupported_dtype(t, Set);
  run_elementwise(iter, {loop}, types, params);
}

void where(const TensorIterator& iter, const Params& params);
void fill(const TensorIterator& iter, const Scalar& value);
void copy(const TensorIterator& iter);

}  // namespace ember::cpu
