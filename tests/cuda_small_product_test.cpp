// The kernel of small products on the host: every block, thread by thread, against sums in double precision. Memory is
// exactly as long as the problem says, so that a sanitizer sees what is read outside.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include <ember/cuda/small_product.h>

namespace ember::cuda {
namespace {

using Doubles = std::vector<double>;

// A block whose threads run one after the other between two meetings, the first first or last: what one of them reads
// of what another writes in between would show.
class HostBlock {
 public:
  HostBlock(int x, int64_t batch, bool backwards) : x_(x), batch_(batch), backwards_(backwards) {}
  int x() const { return x_; }
  int64_t batch() const { return batch_; }
  template <class C>
  C* shared() {
    static_assert(std::is_floating_point_v<C>);
    // What nobody has written is NaN.
    memory_.resize(kSmallShared);
    C* const begin = reinterpret_cast<C*>(memory_.data());
    std::fill(begin, begin + kSmallShared, std::numeric_limits<C>::quiet_NaN());
    return begin;
  }
  template <class F>
  void each(F f) {
    for (int i = 0; i < kSmallThreads; ++i) f(backwards_ ? kSmallThreads - 1 - i : i);
  }

 private:
  int x_;
  int64_t batch_;
  bool backwards_;
  Doubles memory_;
};

template <class T>
std::vector<T> numbers(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> values(count);
  for (T& v : values) v = static_cast<T>(static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000.0f);
  return values;
}

// A factor of `outer` × k, or of k × `outer` in memory.
template <class T>
struct Factor {
  std::vector<T> memory;
  GemmMatrix matrix;
  bool k_inner;

  Factor(int64_t batch, int64_t outer, int64_t k, bool inner, int64_t padding, bool is_a, unsigned seed)
      : k_inner(inner) {
    const int64_t rows = inner ? outer : k, columns = inner ? k : outer, ld = columns + padding;
    matrix.batch_stride = batch == 1 ? 0 : rows * ld;
    memory = numbers<T>(static_cast<size_t>((batch - 1) * matrix.batch_stride + (rows - 1) * ld + columns), seed);
    matrix.data = memory.data();
    matrix.layout = {true, is_a ? !inner : inner, ld};
  }
  double at(int64_t batch, int64_t i, int64_t q) const {
    const int64_t ld = matrix.layout.ld;
    const int64_t offset = batch * matrix.batch_stride + (k_inner ? i * ld + q : q * ld + i);
    return static_cast<double>(memory[static_cast<size_t>(offset)]);
  }
};

struct Case {
  int64_t batch, m, n, k;
  bool inner_a, inner_b;
  int64_t padding;  // of the rows of all matrices
  Epilogue epilogue = Epilogue::None;
  double alpha = 1, beta = 0;
};

template <class T>
double unit() {
  return std::is_same_v<T, double> ? 1e-13 : std::is_same_v<T, float> ? 1e-5 : std::is_same_v<T, Half> ? 2e-3 : 1.6e-2;
}

template <class T>
void run_blocks(const Gemm& g, int tile, const Case& c, const void* result, bool backwards) {
  const SmallProduct<T> p = small_problem<T>(g, tile, c.alpha, c.beta, result);
  EXPECT_EQ(p.a_inner, c.inner_a);
  EXPECT_EQ(p.b_inner, c.inner_b);
  for (int64_t batch = 0; batch < g.batch; ++batch) {
    for (int64_t x = 0; x < small_blocks(g, tile); ++x) {
      HostBlock block(static_cast<int>(x), batch, backwards);
      small_product(block, p);
    }
  }
}

// All that is written: the output, the vector, aux.
template <class T>
using Results = std::array<std::vector<T>, 3>;

template <class T>
void check(const Case& c, int tile) {
  SCOPED_TRACE(testing::Message() << sizeof(T) << " bytes, tile " << tile << ": " << c.batch << " x " << c.m << " x "
                                  << c.n << " x " << c.k << (c.inner_a ? " k" : " m") << (c.inner_b ? "k" : "n")
                                  << " + " << c.padding << ", epilogue " << static_cast<int>(c.epilogue));
  const Factor<T> a(c.batch, c.m, c.k, c.inner_a, c.padding, true, 1);
  const Factor<T> b(c.batch, c.n, c.k, c.inner_b, c.padding, false, 2);
  Gemm g;
  g.dtype = dtype_of<T>::value;
  g.batch = c.batch;
  g.m = c.m;
  g.n = c.n;
  g.k = c.k;
  g.a = a.matrix;
  g.b = b.matrix;
  g.out_ld = c.n + c.padding;
  g.out_batch_stride = c.batch == 1 ? 0 : c.m * g.out_ld;
  g.epilogue = c.epilogue;
  const auto size = static_cast<size_t>(out_extent(g));
  const std::vector<T> before = numbers<T>(size, 3);
  const std::vector<T> result = numbers<T>(static_cast<size_t>(c.m * c.n), 4);
  const std::vector<T> vector = numbers<T>(static_cast<size_t>(has_vector(c.epilogue) ? std::max(c.m, c.n) : 0), 5);
  const std::vector<T> aux =
      numbers<T>(static_cast<size_t>(has_aux(c.epilogue) ? (c.m - 1) * aux_ld(c.epilogue, c.n) + c.n : 0), 6);

  Results<T> got[2];
  for (const bool backwards : {false, true}) {
    Results<T>& r = got[backwards];
    r = {before, vector, aux};
    // Unread: the output without beta.
    if (c.beta == 0) std::fill(r[0].begin(), r[0].end(), static_cast<T>(NAN));
    g.out = r[0].data();
    g.vector = r[1].data();
    g.aux = r[2].data();
    run_blocks<T>(g, tile, c, result.data(), backwards);
  }
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(got[0][i].size() == got[1][i].size());
    if (got[0][i].empty()) continue;
    EXPECT_EQ(std::memcmp(got[0][i].data(), got[1][i].data(), got[0][i].size() * sizeof(T)), 0)
        << "order, result " << i;
  }

  const double tolerance = unit<T>() * std::sqrt(static_cast<double>(c.k)) * 2;
  const auto near = [&](double x, double expected) {
    return std::abs(x - expected) <= tolerance * (1 + std::abs(expected));
  };
  const auto value = [](const std::vector<T>& v, int64_t i) { return static_cast<double>(v[static_cast<size_t>(i)]); };
  for (int64_t batch = 0; batch < c.batch; ++batch) {
    for (int64_t i = 0; i < c.m; ++i) {
      double row_sum = 0;
      for (int64_t q = 0; q < c.k; ++q) row_sum += a.at(batch, i, q);
      ASSERT_TRUE(c.epilogue != Epilogue::RowSums || near(value(got[0][1], i), row_sum)) << "sum of row " << i;
      for (int64_t j = 0; j < c.n; ++j) {
        const int64_t at = batch * g.out_batch_stride + i * g.out_ld + j;
        double x = 0;
        for (int64_t q = 0; q < c.k; ++q) x += a.at(batch, i, q) * b.at(batch, j, q);
        x *= c.alpha;
        if (c.beta != 0) x += c.beta * value(before, at);
        const int64_t in_aux = i * aux_ld(c.epilogue, c.n) + j;
        if (takes_bias(c.epilogue)) x += value(vector, j);
        switch (c.epilogue) {
          case Epilogue::BiasRelu: x = std::max(x, 0.0); break;
          case Epilogue::BiasGeluAux: ASSERT_TRUE(near(value(got[0][2], in_aux), x)); [[fallthrough]];
          case Epilogue::BiasGelu: x = functors::GeluTanh<double>()(x); break;
          case Epilogue::ReluBackward: x = value(result, i * c.n + j) > 0 ? x : 0; break;
          case Epilogue::GeluBackward: x = functors::GeluTanhBackward<double>()(x, value(aux, in_aux)); break;
          default: break;
        }
        ASSERT_TRUE(near(value(got[0][0], at), x)) << i << ", " << j << ": " << value(got[0][0], at) << ", not " << x;
      }
    }
  }
  // Between the rows nothing is written.
  const std::vector<T>& out = got[0][0];
  for (int64_t i = 0; i + 1 < c.m; ++i) {
    for (int64_t j = c.n; j < g.out_ld; ++j) {
      const double there = value(out, i * g.out_ld + j);
      ASSERT_TRUE(c.beta == 0 ? std::isnan(there) : there == value(before, i * g.out_ld + j));
    }
  }
}

template <class T>
class CudaSmallProduct : public testing::Test {};
using Dtypes = testing::Types<double, float, Half, BFloat16>;
TYPED_TEST_SUITE(CudaSmallProduct, Dtypes);

// Whole tiles and parts, of k whole quads and parts, vectors and single elements.
TYPED_TEST(CudaSmallProduct, SizesAndLayouts) {
  constexpr int64_t kSizes[][3] = {{8, 8, 4},   {16, 32, 64}, {33, 17, 5}, {1, 1, 1},   {2, 100, 300},
                                   {64, 10, 3}, {31, 40, 70}, {9, 1, 257}, {1, 36, 20}, {5, 7, 16}};
  for (const auto& [m, n, k] : kSizes)
    for (const int tile : {8, 16, 32})
      for (const int layouts : {0, 1, 2, 3})
        for (const int64_t padding : {0, 3, 4})
          check<TypeParam>({1, m, n, k, (layouts & 1) != 0, (layouts & 2) != 0, padding}, tile);
}

TYPED_TEST(CudaSmallProduct, Epilogues) {
  for (int e = 0; e <= static_cast<int>(Epilogue::GeluBackwardSums); ++e) {
    const auto epilogue = static_cast<Epilogue>(e);
    if (!small_takes(epilogue)) continue;
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{20, 24, 30}, {7, 5, 9}, {33, 32, 4}})
      for (const int tile : {8, 16, 32})
        for (const int layouts : {0, 1, 2, 3})
          check<TypeParam>({1, m, n, k, (layouts & 1) != 0, (layouts & 2) != 0, 0, epilogue}, tile);
  }
}

TYPED_TEST(CudaSmallProduct, BatchesAndFactors) {
  for (const int tile : {8, 16, 32}) {
    for (const int layouts : {0, 1, 2, 3}) {
      for (const int64_t padding : {0, 1}) {
        check<TypeParam>({3, 10, 9, 11, (layouts & 1) != 0, (layouts & 2) != 0, padding, Epilogue::None, 2, 0.5}, tile);
      }
    }
  }
}

// As the shapes of a training step are.
TYPED_TEST(CudaSmallProduct, AsPlanned) {
  const Case cases[] = {{1, 64, 100, 1000, true, true, 0, Epilogue::BiasRelu},
                        {1, 64, 10, 100, true, true, 0, Epilogue::Bias},
                        {1, 10, 100, 64, false, false, 0, Epilogue::RowSums},
                        {1, 64, 100, 10, true, false, 0, Epilogue::ReluBackward},
                        {1, 100, 1000, 64, false, false, 0, Epilogue::RowSums}};
  const int tiles[] = {8, 8, 8, 8, 16};
  for (size_t i = 0; i < 5; ++i) {
    const Case& c = cases[i];
    const int tile = small_tile(kFloat32, c.batch, c.m, c.n + (c.epilogue == Epilogue::RowSums ? 1 : 0), c.k);
    EXPECT_EQ(tile, tiles[i]) << i;
    check<TypeParam>(c, tile);
  }
}

// ---- the choice ----

TEST(CudaSmallProductChoice, TilesCoverWithinTheLimits) {
  for (const ScalarType dtype : {kFloat64, kFloat32, kFloat16, kBFloat16}) {
    for (int64_t m = 1; m < 5000; m = m * 3 / 2 + 1) {
      for (int64_t n = 1; n < 5000; n = n * 3 / 2 + 1) {
        for (int64_t k = 1; k < 100000; k = k * 2 + 1) {
          const int tile = small_tile(dtype, 1, m, n, k);
          if (tile == 0) {
            const int64_t most = dtype == kFloat32 ? 1 << 24 : 1 << 22;
            EXPECT_TRUE(m * n * k > most || k > 16 * 4 * 4);
            continue;
          }
          EXPECT_TRUE(tile == 8 || tile == 16 || tile == 32);
          EXPECT_LE(m * n * k, 1 << 24);
          // The smallest has the fewest rounds: it is the one while all of its blocks run at once.
          EXPECT_TRUE(tile == 8 || (m + 7) / 8 * ((n + 7) / 8) > 264);
          EXPECT_LE((k + 3) / 4, 16 * kSmallThreads * 16 / (tile * tile));
        }
      }
    }
  }
}

TEST(CudaSmallProductChoice, LargeOnesAreCublas) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(small_tile(kFloat32, kMost, kMost, kMost, kMost), 0);
  EXPECT_EQ(small_tile(kFloat32, 65536, 1, 1, 1), 0);  // more than a grid has in that direction
  EXPECT_NE(small_tile(kFloat32, 65535, 1, 1, 1), 0);
  EXPECT_NE(small_tile(kFloat32, 1, 256, 256, 256), 0);
  EXPECT_EQ(small_tile(kFloat32, 1, 257, 256, 256), 0);
  EXPECT_EQ(small_tile(kBFloat16, 1, 256, 256, 256), 0);
  EXPECT_EQ(small_tile(kFloat32, 1, 2, 2, 100000), 0);  // a few threads would add it all up
  EXPECT_EQ(small_tile(kFloat32, 1, 64, 100, 1000), 8);
  EXPECT_EQ(small_tile(kFloat32, 1, 100, 1001, 64), 16);
  EXPECT_EQ(small_tile(kFloat32, 1, 512, 512, 64), 32);
}

TEST(CudaSmallProductChoice, EpiloguesOfASingleBlock) {
  using E = Epilogue;
  for (const E e :
       {E::None, E::Bias, E::RowSums, E::BiasRelu, E::BiasGelu, E::BiasGeluAux, E::ReluBackward, E::GeluBackward}) {
    EXPECT_TRUE(small_takes(e));
  }
  for (const E e : {E::BiasReluAux, E::ReluBackwardSums, E::GeluBackwardSums}) EXPECT_FALSE(small_takes(e));
}

}  // namespace
}  // namespace ember::cuda
