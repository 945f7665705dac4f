// The inner loops of the elementwise kernels, one per operation and dtype, resolved once for the machine's
// instruction set. Everything about layout and 2-byte floats is elementwise.cpp's.
#pragma once

#include <ember/core/functors.h>
#include <ember/core/kernels.h>

namespace ember::cpu {

// out[i] = f(in[i]…) for i < n over dense arrays; operands[0] is the output, which may be the same array
// as an input.
using Loop = void (*)(char* const* operands, int64_t n, const Params& params);

// A loop for each element type; null where the operation does not take it. Arithmetic has none for the
// 2-byte floats, which are converted to float32 first.
struct LoopRow {
  Loop loops[16] = {};
  Loop& operator[](ScalarType t) { return loops[static_cast<int>(t)]; }
  Loop operator[](ScalarType t) const { return loops[static_cast<int>(t)]; }
};

// Of a binary operation, and where there are such: those whose operand 1, or 2, is one value, at the pointer.
struct BinaryRow : LoopRow {
  LoopRow constant_first;
  LoopRow constant_second;
};

struct Loops {
#define EMBER_UNARY(name, Functor, Set) LoopRow name;
#define EMBER_BINARY(name, Functor, Set) BinaryRow name;
#define EMBER_COMPARE(name, Functor, Set) LoopRow name;
#define EMBER_TERNARY(name, Functor, Set) LoopRow name;
#include <ember/core/elementwise.def>
  LoopRow where;  // every type, the 2-byte floats too
  // convert_from(t)[u] converts elements of type t to type u.
  LoopRow convert[16];
  LoopRow& convert_from(ScalarType t) { return convert[static_cast<int>(t)]; }
  const LoopRow& convert_from(ScalarType t) const { return convert[static_cast<int>(t)]; }
};

// Filled by fill_loops(), which the registration of the backend calls; constant from then on.
extern Loops loops;
void fill_loops();

// The parts of fill_loops(), each in the file of its name.
void fill_unary_loops(Loops& loops);
void fill_scalar_loops(Loops& loops);
void fill_math_loops(Loops& loops);  // replaces some of the unary and scalar loops
void fill_gelu_loops(Loops& loops);  // part of fill_math_loops
void fill_binary_loops(Loops& loops);
void fill_compare_loops(Loops& loops);
void fill_convert_loops(Loops& loops);

template <class... T>
struct TypeList {};
using NumericTypes = TypeList<float, double, uint8_t, int8_t, int16_t, int32_t, int64_t>;

// The element types (compute types) that a set stands for.
template <DtypeSet Set>
struct ComputeTypes;
template <>
struct ComputeTypes<DtypeSet::Floating> {
  using List = TypeList<float, double>;
};
template <>
struct ComputeTypes<DtypeSet::Numeric> {
  using List = NumericTypes;
};
template <>
struct ComputeTypes<DtypeSet::Integral> {
  using List = TypeList<uint8_t, int8_t, int16_t, int32_t, int64_t>;
};
template <>
struct ComputeTypes<DtypeSet::Bits> {
  using List = TypeList<uint8_t, int8_t, int16_t, int32_t, int64_t, bool>;
};
template <>
struct ComputeTypes<DtypeSet::All> {
  using List = TypeList<float, double, uint8_t, int8_t, int16_t, int32_t, int64_t, bool>;
};

// Before a loop whose iterations are independent: saves the run-time test for overlap.
#if defined(__clang__)
#define EMBER_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define EMBER_INDEPENDENT _Pragma("GCC ivdep")
#endif

}  // namespace ember::cpu
