// Reads, writes and additions at positions given by an index tensor. Every index is checked before anything
// is written.
#include <algorithm>
#include <cstring>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

// The elements of a tensor of any strides in row-major order, dimension `dim` left out: `offset(i)`.
struct Lines {
  ReduceShape::Group others;  // all dimensions but `dim`
  int64_t stride = 0;         // along it

  Lines(IntArrayRef sizes, const Tensor& t, int64_t dim) {
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (static_cast<int64_t>(d) == dim) {
        stride = t.stride(dim);
        continue;
      }
      others.numel *= sizes[d];
      others.sizes[others.dim] = sizes[d];
      others.strides[others.dim] = t.strides()[d];
      ++others.dim;
    }
  }
  int64_t offset(int64_t i) const { return others.offset(i); }
};

void check_indices(const Tensor& index, int64_t size, int64_t dim) {
  const ReduceShape shape(index.sizes(), index.strides(), 0);
  const int64_t* const p = static_cast<const int64_t*>(index.data_ptr());
  const int64_t last = shape.kept.dim - 1;
  const int64_t length = last < 0 ? 1 : shape.kept.sizes[last];
  const int64_t stride = last < 0 ? 1 : shape.kept.strides[last];
  for (int64_t start = 0; start < index.numel(); start += length) {
    const int64_t* const row = p + shape.kept.offset(start);
    bool good = true;
    for (int64_t i = 0; i < length; ++i) good &= static_cast<uint64_t>(row[i * stride]) < static_cast<uint64_t>(size);
    if (good) [[likely]]
      continue;
    for (int64_t i = 0; i < length; ++i) {
      const int64_t value = row[i * stride];
      EMBER_CHECK_INDEX(value >= 0 && value < size, "index ", value, " at position ", start + i,
                        " is out of range for dimension ", dim, " of size ", size);
    }
  }
}

template <template <class> class F, class T>
void combine(T& to, T value) {
  using C = compute_t<T>;
  to = static_cast<T>(F<C>{}(static_cast<C>(to), static_cast<C>(value)));
}

int64_t dim_size(const Tensor& t, int64_t dim) { return t.dim() == 0 ? 1 : t.size(dim); }
int64_t dim_stride(const Tensor& t, int64_t dim) { return t.dim() == 0 ? 1 : t.stride(dim); }

// For gather and scatter: goes through `index`, lines in threads, with the lines of `out` and `in` that
// belong to each of its own. Calls f(to, to's stride, from, from's stride, i, index[i]) for i in order.
template <class T, class F>
void for_each_index(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index, F f) {
  const Lines at(index.sizes(), index, dim);
  const Lines from(index.sizes(), in, dim);
  const Lines to(index.sizes(), out, dim);
  const int64_t* const indices = static_cast<const int64_t*>(index.data_ptr());
  const T* const source = static_cast<const T*>(in.data_ptr());
  T* const target = static_cast<T*>(out.data_ptr());
  const int64_t n = dim_size(index, dim);
  parallel_for(0, at.others.numel, std::max<int64_t>(1, kGrain / n), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const int64_t* const k = indices + at.offset(line);
      const T* const s = source + from.offset(line);
      T* const t = target + to.offset(line);
      for (int64_t i = 0; i < n; ++i) f(t, to.stride, s, from.stride, i, k[i * at.stride]);
    }
  });
}

// Lines of `out` along `dim`, and of src with the same place in the other dimensions: f(to, from) for the elements
// at index[i] and i, i ascending. Lines are independent of each other, and so are the elements of a run, which go
// together; a single line is split along its run, or, where the order does not matter, along the index.
template <class T, class F>
void for_each_target(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, bool ordered, F f) {
  const int64_t* const indices = static_cast<const int64_t*>(index.data_ptr());
  const int64_t n = index.numel();
  const int64_t index_stride = dim_stride(index, 0);
  const Lines from(src.sizes(), src, dim);
  const Lines to(src.sizes(), out, dim);
  const int inner = from.others.dim - 1;
  const int64_t run = inner >= 0 && dim < src.dim() - 1 ? from.others.sizes[inner] : 1;
  const int64_t from_step = run == 1 ? 0 : from.others.strides[inner];
  const int64_t to_step = run == 1 ? 0 : to.others.strides[inner];
  const int64_t outer = from.others.numel / run;
  const T* const source = static_cast<const T*>(src.data_ptr());
  T* const target = static_cast<T*>(out.data_ptr());
  const auto go = [&](int64_t line, int64_t first_i, int64_t last_i, int64_t first_j, int64_t last_j) {
    const T* const s = source + from.offset(line * run);
    T* const t = target + to.offset(line * run);
    for (int64_t i = first_i; i < last_i; ++i) {
      const T* const a = s + i * from.stride;
      T* const b = t + indices[i * index_stride] * to.stride;
      for (int64_t j = first_j; j < last_j; ++j) f(b[j * to_step], a[j * from_step]);
    }
  };
  const auto grain = [](int64_t cost) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cost)); };
  if (outer > 1) {
    parallel_for(0, outer, grain(n * run), [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) go(line, 0, n, 0, run);
    });
  } else if (!ordered) {
    parallel_for(0, n, grain(run), [&](int64_t begin, int64_t end) { go(0, begin, end, 0, run); });
  } else {
    parallel_for(0, run, grain(n), [&](int64_t begin, int64_t end) { go(0, 0, n, begin, end); });
  }
}

}  // namespace

void index_select(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index) {
  check_indices(index, dim_size(in, dim), dim);
  if (out.numel() == 0) return;
  const int64_t* const indices = static_cast<const int64_t*>(index.data_ptr());
  const int64_t n = index.numel();
  const int64_t index_stride = dim_stride(index, 0);
  const Lines from(in.sizes(), in, dim);
  const Lines to(in.sizes(), out, dim);
  // The innermost of the other dimensions goes in one run for each index.
  const int inner = from.others.dim - 1;
  const bool dense =
      inner >= 0 && dim < in.dim() - 1 && from.others.strides[inner] == 1 && to.others.strides[inner] == 1;
  const int64_t run = dense ? from.others.sizes[inner] : 1;
  const int64_t outer = from.others.numel / run;
  visit_size(in.element_size(), [&]<class U>() {
    const U* const source = static_cast<const U*>(in.data_ptr());
    U* const target = static_cast<U*>(out.data_ptr());
    parallel_for(0, outer * n, std::max<int64_t>(1, kGrain / run), [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end;) {
        const int64_t line = task / n * run;
        const int64_t stop = std::min(end, (task / n + 1) * n);
        const U* const s = source + from.offset(line);
        U* const t = target + to.offset(line);
        for (; task < stop; ++task) {
          const int64_t i = task % n;
          const U* const element = s + indices[i * index_stride] * from.stride;
          if (run == 1) {
            t[i * to.stride] = *element;
          } else {
            std::memcpy(t + i * to.stride, element, static_cast<size_t>(run) * sizeof(U));
          }
        }
      }
    });
  });
}

void index_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  check_indices(index, dim_size(out, dim), dim);
  if (src.numel() == 0) return;
  visit_dtype(out.dtype(), [&]<class T>() {
    for_each_target<T>(out, dim, index, src, true, [](T& to, T from) { combine<functors::Add>(to, from); });
  });
}

void index_copy(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, bool unique) {
  check_indices(index, dim_size(out, dim), dim);
  if (src.numel() == 0) return;
  visit_size(out.element_size(),
             [&]<class U>() { for_each_target<U>(out, dim, index, src, !unique, [](U& to, U from) { to = from; }); });
}

void gather(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index) {
  check_indices(index, dim_size(in, dim), dim);
  if (index.numel() == 0) return;
  visit_size(in.element_size(), [&]<class U>() {
    for_each_index<U>(out, in, dim, index,
                      [](U* to, int64_t to_stride, const U* from, int64_t from_stride, int64_t i, int64_t at) {
                        to[i * to_stride] = from[at * from_stride];
                      });
  });
}

namespace {
template <template <class> class F>
void scatter_with(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  visit_dtype(out.dtype(), [&]<class T>() {
    for_each_index<T>(out, src, dim, index,
                      [](T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t i, int64_t at) {
                        combine<F>(to[at * to_stride], from[i * from_stride]);
                      });
  });
}
}  // namespace

void scatter(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, ScatterOp op) {
  check_indices(index, dim_size(out, dim), dim);
  if (index.numel() == 0) return;
  switch (op) {
    case ScatterOp::Assign: break;
    case ScatterOp::Add: return scatter_with<functors::Add>(out, dim, index, src);
    case ScatterOp::Multiply: return scatter_with<functors::Mul>(out, dim, index, src);
    case ScatterOp::Max: return scatter_with<functors::Maximum>(out, dim, index, src);
    case ScatterOp::Min: return scatter_with<functors::Minimum>(out, dim, index, src);
  }
  visit_size(out.element_size(), [&]<class U>() {
    for_each_index<U>(out, src, dim, index,
                      [](U* to, int64_t to_stride, const U* from, int64_t from_stride, int64_t i, int64_t at) {
                        to[at * to_stride] = from[i * from_stride];
                      });
  });
}

void scatter_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  scatter(out, dim, index, src, ScatterOp::Add);
}

void index(const Tensor& offsets, const Tensor& index, int64_t dim, int64_t size, int64_t stride, bool first) {
  const ReduceShape shape(index.sizes(), index.strides(), 0);
  const int64_t* const indices = static_cast<const int64_t*>(index.data_ptr());
  int64_t* const target = static_cast<int64_t*>(offsets.data_ptr());
  const int last = shape.kept.dim - 1;
  const int64_t length = last < 0 ? 1 : shape.kept.sizes[last];
  const int64_t step = last < 0 ? 1 : shape.kept.strides[last];
  parallel_for(0, offsets.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const int64_t* const row = indices + shape.kept.offset(i - i % length);
      const int64_t stop = std::min(end, i - i % length + length);
      for (int64_t j = i % length; i < stop; ++i, ++j) {
        const int64_t value = row[j * step];
        EMBER_CHECK_INDEX(value >= -size && value < size, "index ", value, " is out of range for dimension ", dim,
                          " of size ", size);
        target[i] = (first ? 0 : target[i]) + (value < 0 ? value + size : value) * stride;
      }
    }
  });
}

}  // namespace ember::cpu
