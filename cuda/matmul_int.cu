// Integer matrix products: a tiled kernel, correct for every integer dtype and any strides, not tuned.
#include <ember/core/functors.h>
#include <ember/cuda/context.h>
#include <ember/cuda/matmul.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

inline constexpr int kTile = 16;

struct MatrixStrides {  // in elements
  int64_t batch, row, col;
};

// A block computes 16×16 tiles of out[B,m,n]; U is the unsigned type in which arithmetic wraps.
template <class T, class U>
__global__ void __launch_bounds__(kTile* kTile)
    matmul_tiled(T* out, const T* a, const T* b, MatrixStrides so, MatrixStrides sa, MatrixStrides sb, int64_t batch,
                 int64_t m, int64_t n, int64_t k, U alpha, U beta, bool add) {
  wait_for_earlier();
  __shared__ U tile_a[kTile][kTile];
  __shared__ U tile_b[kTile][kTile + 1];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t tiles_m = (m + kTile - 1) / kTile, tiles_n = (n + kTile - 1) / kTile;
  // Tile numbers are the block's, so that all its threads meet at every barrier.
#pragma unroll 1
  for (int64_t tile = blockIdx.x; tile < batch * tiles_m * tiles_n; tile += gridDim.x) {
    const int64_t item = tile / (tiles_m * tiles_n);
    const int64_t in_item = tile - item * tiles_m * tiles_n;
    const int64_t row = in_item / tiles_n * kTile + y;
    const int64_t col = in_item % tiles_n * kTile + x;
    U sum = 0;
#pragma unroll 1
    for (int64_t base = 0; base < k; base += kTile) {
      const int64_t ka = base + x, kb = base + y;
      tile_a[y][x] = row < m && ka < k ? static_cast<U>(a[item * sa.batch + row * sa.row + ka * sa.col]) : U(0);
      tile_b[y][x] = kb < k && col < n ? static_cast<U>(b[item * sb.batch + kb * sb.row + col * sb.col]) : U(0);
      __syncthreads();
#pragma unroll
      for (int i = 0; i < kTile; ++i) sum += tile_a[y][i] * tile_b[i][x];
      __syncthreads();
    }
    if (row < m && col < n) {
      T* const at = out + item * so.batch + row * so.row + col * so.col;
      const U scaled = alpha * sum;
      *at = static_cast<T>(add ? scaled + beta * static_cast<U>(*at) : scaled);
    }
  }
}

namespace {

template <class T>
void launch_tiled(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  using U = functors::wrapping_t<T>;
  const auto strides = [](const Tensor& t) { return MatrixStrides{t.stride(0), t.stride(1), t.stride(2)}; };
  const int64_t batch = out.size(0), m = out.size(1), n = out.size(2), k = a.size(2);
  const int64_t tiles = batch * ((m + kTile - 1) / kTile) * ((n + kTile - 1) / kTile);
  const LaunchScope scope(out.device());
  launch(scope, matmul_tiled<T, U>, scope.blocks(tiles, 1), dim3(kTile, kTile), static_cast<T*>(out.data_ptr()),
         static_cast<const T*>(a.data_ptr()), static_cast<const T*>(b.data_ptr()), strides(out), strides(a), strides(b),
         batch, m, n, k, static_cast<U>(Scalar(alpha).cast<int64_t>()), static_cast<U>(Scalar(beta).cast<int64_t>()),
         beta != 0);
  check_launch("matmul");
}

}  // namespace

void matmul_integers(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  switch (out.dtype()) {
    case ScalarType::Byte: return launch_tiled<uint8_t>(out, a, b, alpha, beta);
    case ScalarType::Char: return launch_tiled<int8_t>(out, a, b, alpha, beta);
    case ScalarType::Short: return launch_tiled<int16_t>(out, a, b, alpha, beta);
    case ScalarType::Int: return launch_tiled<int32_t>(out, a, b, alpha, beta);
    case ScalarType::Long: return launch_tiled<int64_t>(out, a, b, alpha, beta);
    default: detail::throw_unsupported_dtype(out.dtype(), DtypeSet::Numeric);
  }
}

}  // namespace ember::cuda
