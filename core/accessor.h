// Element access by index, for a loop of one's own:
//
//   auto a = t.accessor<float, 2>();          // t is a float32 tensor of 2 dimensions on the CPU
//   for (int64_t i = 0; i < a.size(0); ++i) a[i][i] = 1;
//
// An accessor points at the tensor's sizes and strides, and so must not outlive it. A packed one carries them, and
// may be passed to a kernel. Indices are not checked.
#pragma once

#include <limits>
#include <utility>

#include <ember/core/macros.h>
#include <ember/core/tensor.h>

namespace ember {

// What the pointer to the elements is: the second promises that nothing else points there.
template <class T>
struct DefaultPtrTraits {
  using PtrType = T*;
};
template <class T>
struct RestrictPtrTraits {
  using PtrType = T* __restrict__;
};

template <class T, size_t N, template <class> class PtrTraits, class Index>
class TensorAccessorBase {
 public:
  using PtrType = typename PtrTraits<T>::PtrType;

  EMBER_HD TensorAccessorBase(PtrType data, const Index* sizes, const Index* strides)
      : data_(data), sizes_(sizes), strides_(strides) {}
  IntArrayRef sizes() const { return IntArrayRef(sizes_, N); }  // these two on the host, and with int64_t only
  IntArrayRef strides() const { return IntArrayRef(strides_, N); }
  EMBER_HD Index size(Index d) const { return sizes_[d]; }
  EMBER_HD Index stride(Index d) const { return strides_[d]; }
  EMBER_HD PtrType data() const { return data_; }

 protected:
  PtrType data_;
  const Index* sizes_;
  const Index* strides_;
};

template <class T, size_t N, template <class> class PtrTraits, class Index>
class TensorAccessor : public TensorAccessorBase<T, N, PtrTraits, Index> {
 public:
  using TensorAccessorBase<T, N, PtrTraits, Index>::TensorAccessorBase;
  // The part at index i of the first dimension.
  EMBER_HD TensorAccessor<T, N - 1, PtrTraits, Index> operator[](Index i) const {
    return {this->data_ + this->strides_[0] * i, this->sizes_ + 1, this->strides_ + 1};
  }
};
template <class T, template <class> class PtrTraits, class Index>
class TensorAccessor<T, 1, PtrTraits, Index> : public TensorAccessorBase<T, 1, PtrTraits, Index> {
 public:
  using TensorAccessorBase<T, 1, PtrTraits, Index>::TensorAccessorBase;
  EMBER_HD T& operator[](Index i) { return this->data_[this->strides_[0] * i]; }
  EMBER_HD const T& operator[](Index i) const { return this->data_[this->strides_[0] * i]; }
};

template <class T, size_t N, template <class> class PtrTraits, class Index>
class GenericPackedTensorAccessorBase {
 public:
  using PtrType = typename PtrTraits<T>::PtrType;

  template <class From>
  GenericPackedTensorAccessorBase(PtrType data, const From* sizes, const From* strides) : data_(data) {
    for (size_t d = 0; d < N; ++d) {
      sizes_[d] = static_cast<Index>(sizes[d]);
      strides_[d] = static_cast<Index>(strides[d]);
    }
  }
  EMBER_HD Index size(Index d) const { return sizes_[d]; }
  EMBER_HD Index stride(Index d) const { return strides_[d]; }
  EMBER_HD PtrType data() const { return data_; }

 protected:
  PtrType data_;
  Index sizes_[N];
  Index strides_[N];

  void swap_dims(Index a, Index b) {
    constexpr Index n = static_cast<Index>(N);
    EMBER_CHECK_INDEX(a >= 0 && a < n && b >= 0 && b < n, "transpose: dimensions ", a, " and ", b,
                      " of an accessor with ", n);
    std::swap(sizes_[a], sizes_[b]);
    std::swap(strides_[a], strides_[b]);
  }
};

template <class T, size_t N, template <class> class PtrTraits, class Index>
class GenericPackedTensorAccessor : public GenericPackedTensorAccessorBase<T, N, PtrTraits, Index> {
 public:
  using GenericPackedTensorAccessorBase<T, N, PtrTraits, Index>::GenericPackedTensorAccessorBase;
  EMBER_HD TensorAccessor<T, N - 1, PtrTraits, Index> operator[](Index i) const {
    return {this->data_ + this->strides_[0] * i, this->sizes_ + 1, this->strides_ + 1};
  }
  // The same elements with two dimensions exchanged.
  GenericPackedTensorAccessor transpose(Index dim1, Index dim2) const {
    GenericPackedTensorAccessor result = *this;
    result.swap_dims(dim1, dim2);
    return result;
  }
};
template <class T, template <class> class PtrTraits, class Index>
class GenericPackedTensorAccessor<T, 1, PtrTraits, Index>
    : public GenericPackedTensorAccessorBase<T, 1, PtrTraits, Index> {
 public:
  using GenericPackedTensorAccessorBase<T, 1, PtrTraits, Index>::GenericPackedTensorAccessorBase;
  EMBER_HD T& operator[](Index i) { return this->data_[this->strides_[0] * i]; }
  EMBER_HD const T& operator[](Index i) const { return this->data_[this->strides_[0] * i]; }
  GenericPackedTensorAccessor transpose(Index dim1, Index dim2) const {
    GenericPackedTensorAccessor result = *this;
    result.swap_dims(dim1, dim2);
    return result;
  }
};

template <class T, size_t N>
TensorAccessor<T, N> Tensor::accessor() const& {
  static_assert(N > 0, "accessor: a 0-dimensional tensor has none; use data_ptr<T>() or item<T>()");
  check_accessor(dtype_of_v<T>, N, nullptr);
  return TensorAccessor<T, N>(static_cast<T*>(data_ptr()), impl().sizes().data(), impl().strides().data());
}
template <class T, size_t N, template <class> class PtrTraits, class Index>
GenericPackedTensorAccessor<T, N, PtrTraits, Index> Tensor::generic_packed_accessor() const& {
  static_assert(N > 0, "packed_accessor: a 0-dimensional tensor has none; use data_ptr<T>() or item<T>()");
  const int64_t limit = std::numeric_limits<Index>::max();
  check_accessor(dtype_of_v<T>, N, &limit);
  return {static_cast<T*>(data_ptr()), impl().sizes().data(), impl().strides().data()};
}

}  // namespace ember
