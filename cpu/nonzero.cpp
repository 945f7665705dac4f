// The positions of what is not zero.
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

// Pieces of the row-major order: their counts give each its place in the result.
constexpr int64_t kPiece = 16384;

// f(i) for every i in [begin, end) at which the element is not zero.
template <class T, class F>
void for_each_nonzero(const T* data, const ReduceShape::Group& shape, int64_t begin, int64_t end, F f) {
  const int last = shape.dim - 1;
  const int64_t length = last < 0 ? 1 : shape.sizes[last];
  const int64_t step = last < 0 ? 1 : shape.strides[last];
  for (int64_t i = begin; i < end;) {
    const T* const row = data + shape.offset(i - i % length);
    const int64_t stop = std::min(end, i - i % length + length);
    for (int64_t j = i % length; i < stop; ++i, ++j) {
      if (row[j * step] != T(0)) f(i);
    }
  }
}

}  // namespace

void nonzero(Tensor& out, const Tensor& in) {
  const ReduceShape shape(in.sizes(), in.strides(), 0);
  const int64_t numel = in.numel();
  const int64_t pieces = (numel + kPiece - 1) / kPiece;
  std::vector<int64_t> starts(static_cast<size_t>(pieces) + 1, 0);
  const auto visit = [&](auto f) {
    visit_dtype(in.dtype(), [&]<class T>() {
      const T* const data = static_cast<const T*>(in.data_ptr());
      parallel_for(0, pieces, 2, [&](int64_t begin, int64_t end) {
        for (int64_t piece = begin; piece < end; ++piece) {
          f(piece, [&](auto g) {
            for_each_nonzero<T>(data, shape.kept, piece * kPiece, std::min(numel, (piece + 1) * kPiece), g);
          });
        }
      });
    });
  };
  visit([&](int64_t piece, auto walk) {
    int64_t n = 0;
    walk([&](int64_t) { ++n; });
    starts[static_cast<size_t>(piece) + 1] = n;
  });
  for (size_t p = 1; p < starts.size(); ++p) starts[p] += starts[p - 1];

  const int64_t count = starts.back();
  const int64_t rank = in.dim();
  out = detail::empty({rank, count}, kInt64, in.device());
  out = detail::alias(out, {count, rank}, {1, count}, 0);
  if (count == 0 || rank == 0) return;
  int64_t* const target = static_cast<int64_t*>(out.data_ptr());
  const Dims sizes = in.sizes();
  visit([&](int64_t piece, auto walk) {
    int64_t* to = target + starts[static_cast<size_t>(piece)];
    walk([&](int64_t i) {
      for (int64_t d = rank - 1; d > 0; --d) {
        const int64_t size = sizes[static_cast<size_t>(d)];
        to[d * count] = i % size;
        i /= size;
      }
      *to++ = i;
    });
  });
}

}  // namespace ember::cpu
