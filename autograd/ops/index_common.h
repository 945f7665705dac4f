// What the operations that take index tensors share.
#pragma once

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// The index as int64 where it is int64 or int32, on self's device; else an Error.
Tensor index_tensor(const char* op, const Tensor& self, const Tensor& index);
// The same where only int64 will do.
Tensor long_index(const char* op, const Tensor& self, const Tensor& index);
// An index of at most one dimension, as a vector.
Tensor as_vector(const char* op, const Tensor& index);

// A 0-dimensional tensor is indexed as one of sizes [1]. Nothing is recorded.
Tensor at_least_1d(const Tensor& t);
// A number as a 0-dimensional tensor of self's dtype on its device.
Tensor number_like(const Tensor& self, const Scalar& value);

// `input`, which must not share memory with `dest`: an Error, or a copy where strides make that hard to say.
Tensor apart(const char* op, const Tensor& input, const Tensor& dest);

// A source of values for self: of its dtype and on its device.
void check_source(const char* op, const Tensor& self, const Tensor& source, const char* argument = "source");

// f(target), with a float32 copy in its place where `target` is of a 2-byte float: sums of many elements round once.
template <class F>
void accumulating(const Tensor& target, F&& f) {
  if (target.element_size() != 2 || !target.is_floating_point()) return f(target);
  const Tensor wide = target.to(kFloat32);
  f(wide);
  copy_contents(target, wide);
}

// Runs f and adds the operation's name to an error of the kernels that several operations share.
template <class F>
decltype(auto) named(const char* op, F&& f) {
  try {
    return f();
  } catch (Error& e) {
    e.prepend(ember::detail::concat(op, ": "));
    throw;
  }
}

// Index tensors for some of the dimensions of a tensor: int64, on its device, broadcast to one shape.
struct IndexList {
  int count = 0;
  int64_t dims[kMaxDims];  // ascending
  Tensor indices[kMaxDims];
  Dims shape;            // of each index
  int64_t position = 0;  // of their dimensions in the result: the first of dims where these are adjacent, else 0
  bool unique = false;   // no element is named twice

  void add(int64_t dim, Tensor index) {
    dims[count] = dim;
    indices[count++] = std::move(index);
  }
  // Broadcasts the indices and sets shape and position.
  void finish();
};

// The indices of `mask`, which is of self's sizes in the dimensions from `dim` on.
void add_mask(IndexList& list, const Tensor& mask, int64_t dim);
// Of what self[…] takes, an index per dimension.
IndexList index_list(const char* op, const Tensor& self, ArrayRef<std::optional<Tensor>> indices);
// The sizes of self[list].
Dims indexed_sizes(const Tensor& self, const IndexList& list);

// How far in memory from self's first element the positions that a list names are, in elements: [number of positions].
// Throws IndexError.
struct Offsets {
  Tensor offsets;
  int64_t extent;  // all are smaller
};
Offsets index_offsets(const Tensor& self, const IndexList& list);

// self[list], not recorded.
Tensor read_indexed(const Tensor& self, const IndexList& list);
// self[list] = values, or += with accumulate; the values broadcast. Not recorded, no version changes.
void write_indexed(const Tensor& self, const IndexList& list, const Offsets& at, const Tensor& values, bool accumulate);

}  // namespace ember::ops
