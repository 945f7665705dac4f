// The loop of an elementwise kernel: up to four operands, broadcast to the output's shape, dimensions
// reordered so that the fastest comes first, and merged where all operands allow it.
#pragma once

#include <cstdint>

#include <ember/core/device.h>
#include <ember/core/dims.h>
#include <ember/core/dtype.h>
#include <ember/core/scalar.h>

namespace ember {

class Tensor;
class TensorImpl;

class TensorIterator {
 public:
  static constexpr int kMaxOperands = 4;

  // Operand 0, the output, gives the shape; then the inputs in order, each broadcast to that shape (the
  // caller has checked that it can be). Finally build().
  explicit TensorIterator(const Tensor& output);
  // Complete without build(): all are dense, of one shape and dtype, but for numbers that are added.
  struct Dense {};
  TensorIterator(Dense, const Tensor& output, const Tensor& input);
  TensorIterator(Dense, const Tensor& output, const Tensor& a, const Tensor& b);
  void add_input(const Tensor& input);
  // An input that is one number. The kernel converts it to its compute type.
  void add_input(const Scalar& value);
  void build();

  int num_operands() const { return num_operands_; }
  Device device() const { return device_; }
  int64_t numel() const { return numel_; }
  // After build(): dimension 0 is the fastest; a one-element or empty iteration has dim() 1.
  int dim() const { return dim_; }
  int64_t size(int d) const { return sizes_[d]; }
  ScalarType dtype(int operand) const { return operands_[operand].dtype; }
  char* data(int operand) const { return operands_[operand].data; }
  // In bytes; 0 for scalars.
  int64_t stride(int operand, int d) const { return operands_[operand].strides[d]; }
  bool is_scalar(int operand) const { return operands_[operand].is_scalar; }
  const Scalar& scalar(int operand) const { return operands_[operand].value; }
  // One dimension, and every operand that is not a scalar dense in it.
  bool is_contiguous() const { return contiguous_; }
  // Whether it is known that all operands are dense and of one dtype, none a number: a loop over them needs no more.
  bool is_alike() const { return alike_; }
  // Whether all byte offsets fit in 32 bits.
  bool can_use_32bit_offsets() const;

 private:
  struct Operand {
    char* data;
    int64_t strides[kMaxDims];
    Scalar value;
    ScalarType dtype;
    bool is_scalar;
    bool flat;  // contiguous and of the output's shape
  };
  void add_dense(const TensorImpl& t);
  void sort_dims();
  void merge_dims();

  int num_operands_ = 0;
  int dim_ = 0;
  bool contiguous_ = false;
  bool alike_ = false;
  Device device_;
  int64_t numel_ = 0;
  int64_t sizes_[kMaxDims];
  Operand operands_[kMaxOperands];
};

// The dimensions of a reduction, merged: output element o is the reduction over all r of
// in[offset(kept, o) + offset(reduced, r)]. Kept dimensions are in the output's row-major order, so that
// o is the linear index of the contiguous output; reduced ones are in the input's order.
struct ReduceShape {
  struct Group {
    int dim = 0;  // merged dimensions, the slowest first
    int64_t numel = 1;
    int64_t sizes[kMaxDims];
    int64_t strides[kMaxDims];  // in the input, in elements
    int64_t offset(int64_t index) const {
      int64_t o = 0;
      for (int d = dim - 1; d >= 0; --d) {
        o += (index % sizes[d]) * strides[d];
        index /= sizes[d];
      }
      return o;
    }
  };
  Group kept;
  Group reduced;

  ReduceShape(IntArrayRef sizes, IntArrayRef strides, DimMask reduced_dims);
};

}  // namespace ember
