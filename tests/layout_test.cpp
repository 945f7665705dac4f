// Operands that are broadcast along rows or lie across them, of every size of element: each result is, to the bit, that
// of operands gathered one element at a time.
#include <cstring>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/parallel.h>

namespace ember {
namespace {

// Sizes around those of vectors, tiles and blocks.
const int64_t kSizes[] = {1, 3, 15, 16, 17, 33, 64, 127, 130, 515};

// A dense copy that none of the library's copying takes part in.
Tensor gathered(const Tensor& t) {
  Tensor out = empty(t.sizes(), t.options());
  auto* to = static_cast<char*>(out.data_ptr());
  const auto* from = static_cast<const char*>(t.data_ptr());
  const auto size = static_cast<int64_t>(t.element_size());
  for (int64_t i = 0; i < t.numel(); ++i) {
    int64_t rest = i, offset = 0;
    for (int64_t d = t.dim() - 1; d >= 0; --d) {
      offset += rest % t.size(d) * t.stride(d);
      rest /= t.size(d);
    }
    std::memcpy(to + i * size, from + offset * size, static_cast<size_t>(size));
  }
  return out;
}

::testing::AssertionResult same_bits(const Tensor& actual, const Tensor& expected) {
  if (actual.sizes() != expected.sizes() || actual.dtype() != expected.dtype()) {
    return ::testing::AssertionFailure() << "another shape or dtype";
  }
  const Tensor a = gathered(actual), b = gathered(expected);
  const auto* x = static_cast<const char*>(a.data_ptr());
  const auto* y = static_cast<const char*>(b.data_ptr());
  const size_t size = a.element_size();
  for (size_t i = 0; i < static_cast<size_t>(a.numel()); ++i) {
    if (std::memcmp(x + i * size, y + i * size, size) != 0) {
      return ::testing::AssertionFailure() << "element " << i << " of sizes " << actual.sizes();
    }
  }
  return ::testing::AssertionSuccess();
}

// 1 to 100, in no order that repeats along rows or columns.
Tensor numbers(IntArrayRef sizes, ScalarType dtype) {
  return (arange(1, checked_numel(sizes) + 1, kInt64) * 37).remainder(101).clamp_min(1).to(dtype).view(sizes);
}

using Binary = std::function<Tensor(const Tensor&, const Tensor&)>;

const Binary kOperations[] = {
    [](const Tensor& a, const Tensor& b) { return a + b; },
    [](const Tensor& a, const Tensor& b) { return add(a, b, 3); },
    [](const Tensor& a, const Tensor& b) { return a - b; },
    [](const Tensor& a, const Tensor& b) { return a * b; },
    [](const Tensor& a, const Tensor& b) { return a / b; },
    [](const Tensor& a, const Tensor& b) { return maximum(a, b); },
    [](const Tensor& a, const Tensor& b) { return minimum(a, b); },
    [](const Tensor& a, const Tensor& b) { return a < b; },
    [](const Tensor& a, const Tensor& b) { return where(a < b, a, b); },
};
const ScalarType kDtypes[] = {kFloat32, kFloat64, kBFloat16, kFloat16, kInt64, kInt32, kInt16, kUInt8};

// Every operation of a and b as they are, the other way round, and gathered.
void check(const Tensor& a, const Tensor& b) {
  const Tensor wide = gathered(a.expand(broadcast_tensors({a, b})[0].sizes()));
  const Tensor whole = gathered(b.expand(wide.sizes()));
  for (size_t i = 0; i < std::size(kOperations); ++i) {
    SCOPED_TRACE("operation " + std::to_string(i) + " of " + dtype_name(a.scalar_type()));
    ASSERT_TRUE(same_bits(kOperations[i](a, b), kOperations[i](wide, whole)));
    ASSERT_TRUE(same_bits(kOperations[i](b, a), kOperations[i](whole, wide)));
  }
}

TEST(Layout, Columns) {
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t n : kSizes) {
      const Tensor a = numbers({5, n}, dtype), b = numbers({5, 3}, dtype);
      check(a, b.slice(1, 1, 2));
      check(a.slice(1, n / 3), b.slice(1, 2, 3));
    }
    check(numbers({3, 4, 70}, dtype), numbers({3, 1, 1}, dtype));
    check(numbers({3, 4, 70}, dtype), numbers({4, 1}, dtype));
    check(numbers({3, 1, 70}, dtype), numbers({3, 4, 1}, dtype));
    check(numbers({70}, dtype), numbers({1}, dtype));
    check(numbers({0, 70}, dtype), numbers({0, 1}, dtype));
    check(numbers({}, dtype), numbers({}, dtype));
  }
}

TEST(Layout, RowsOnSeveralThreads) {
  check(numbers({301, 257}, kFloat32), numbers({301, 1}, kFloat32));
  check(numbers({301, 257}, kFloat32), numbers({257}, kFloat32));
  check(numbers({301, 257}, kFloat32), numbers({257, 301}, kFloat32).t());
  check(numbers({40, 30, 70}, kFloat32), numbers({70, 30, 40}, kFloat32).permute({2, 1, 0}));
  check(numbers({301, 257}, kInt32), numbers({257, 301}, kInt32).t());
}

TEST(Layout, Numbers) {
  for (const ScalarType dtype : kDtypes) {
    for (const Tensor& a : {numbers({40000}, dtype), numbers({7, 90}, dtype).slice(1, 2)}) {
      const Tensor seven = full_like(a, 7);
      EXPECT_TRUE(same_bits(a * 7, a * seven));
      EXPECT_TRUE(same_bits(7 - a, seven - a));
      EXPECT_TRUE(same_bits(a + 7, a + seven));
      EXPECT_TRUE(same_bits(a / 7, a / seven));
    }
  }
}

TEST(Layout, TransposedCopies) {
  for (const ScalarType dtype : {kUInt8, kBFloat16, kFloat32, kInt64}) {
    for (const int64_t rows : kSizes) {
      for (const int64_t columns : kSizes) {
        const Tensor a = numbers({rows, columns}, dtype);
        ASSERT_TRUE(same_bits(a.t().contiguous(), gathered(a.t()))) << rows << 'x' << columns << dtype;
      }
    }
    const Tensor wide = numbers({37, 150}, dtype).slice(1, 7, 140);
    EXPECT_TRUE(same_bits(wide.t().contiguous(), gathered(wide.t())));
    const Tensor a = numbers({3, 40, 70}, dtype);
    for (const Tensor& t : {a.transpose(1, 2), a.transpose(0, 2), a.permute({1, 0, 2}), a.permute({2, 0, 1}),
                            a.permute({1, 2, 0}), a.slice(2, 0, 70, 2).transpose(1, 2)}) {
      EXPECT_TRUE(same_bits(t.contiguous(), gathered(t)));
    }
    // Into rows with other elements between them, which stay.
    Tensor out = zeros({70, 60}, dtype);
    out.slice(1, 11, 48).copy_(wide.t().slice(0, 0, 70));
    EXPECT_TRUE(same_bits(out.slice(1, 11, 48), gathered(wide.t().slice(0, 0, 70))));
    EXPECT_TRUE(same_bits(out.slice(1, 0, 11), zeros({70, 11}, dtype)));
    EXPECT_TRUE(same_bits(out.slice(1, 48), zeros({70, 12}, dtype)));
    EXPECT_TRUE(same_bits(wide.t().to(kFloat64), gathered(wide.t()).to(kFloat64)));
  }
}

TEST(Layout, OperandsThatLieAcross) {
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t n : {3, 17, 64, 130}) {
      check(numbers({70, n}, dtype), numbers({n, 70}, dtype).t());
      check(numbers({20, n}, dtype), numbers({n, 33}, dtype).t().slice(0, 5, 25));
    }
    const Tensor a = numbers({5, 40, 70}, dtype);
    check(a, numbers({5, 70, 40}, dtype).transpose(1, 2));
    check(a, numbers({70, 40, 5}, dtype).permute({2, 1, 0}));
    check(a, numbers({40, 70, 5}, dtype).permute({2, 0, 1}));
    check(a, numbers({70, 40}, dtype).t());
    check(numbers({20, 3, 70}, dtype), numbers({70, 3, 20}, dtype).permute({2, 1, 0}));
    check(numbers({70, 1, 40}, dtype).transpose(0, 2), a.slice(0, 0, 1).transpose(0, 1));
    // With a column, and with numbers, beside it.
    const Tensor b = numbers({30, 70}, dtype), c = numbers({70, 30}, dtype).t(), column = numbers({30, 1}, dtype);
    EXPECT_TRUE(same_bits(where(b < 50, c, column), where(b < 50, gathered(c), gathered(column.expand({30, 70})))));
    EXPECT_TRUE(same_bits(where(c < 50, b, 3), where(gathered(c) < 50, b, 3)));
    EXPECT_TRUE(same_bits(addcmul(b, c, column, 2), addcmul(b, gathered(c), gathered(column.expand({30, 70})), 2)));
    EXPECT_TRUE(same_bits(addcmul(column, c, b, 2), addcmul(gathered(column.expand({30, 70})), gathered(c), b, 2)));
  }
}

TEST(Layout, InPlaceAndInto) {
  for (const ScalarType dtype : kDtypes) {
    const Tensor a = numbers({90, 75}, dtype), b = numbers({75, 90}, dtype), column = numbers({90, 1}, dtype);
    const Tensor sum = a + gathered(b.t());
    EXPECT_TRUE(same_bits(a.clone().add_(b.t()), sum));
    EXPECT_TRUE(same_bits(b.clone().t().add_(a), sum));
    Tensor out = zeros({90, 100}, dtype);
    Tensor into = out.slice(1, 9, 84);
    add_out(into, a, b.t());
    EXPECT_TRUE(same_bits(into, sum));
    EXPECT_TRUE(same_bits(out.slice(1, 84), zeros({90, 16}, dtype)));
    EXPECT_TRUE(same_bits(a.clone().mul_(column), a * gathered(column.expand({90, 75}))));
    // The column is one of the matrix that is written to.
    Tensor own = a.clone();
    own.sub_(own.slice(1, 0, 1));
    EXPECT_TRUE(same_bits(own, a - gathered(a.slice(1, 0, 1).expand({90, 75}))));
  }
}

TEST(Layout, AnyNumberOfThreads) {
  const int threads = get_num_threads();
  const Tensor a = numbers({401, 307}, kFloat32), b = numbers({307, 401}, kFloat32),
               column = numbers({401, 1}, kFloat32);
  std::vector<Tensor> results[2];
  for (const int n : {1, 3}) {
    set_num_threads(n);
    results[n == 3] = {a + b.t(), a / column, b.t().contiguous(), (a / column).exp(),
                       a.to(kBFloat16) + b.t().to(kBFloat16)};
  }
  set_num_threads(threads);
  for (size_t i = 0; i < results[0].size(); ++i) EXPECT_TRUE(same_bits(results[0][i], results[1][i])) << i;
}

}  // namespace
}  // namespace ember
